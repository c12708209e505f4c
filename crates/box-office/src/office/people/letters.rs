//! What is written to people about their accounts, always by mail: in the language that they chose, or in
//! Russian and English in one letter.

use crate::language::{Language, written};
use crate::messages::Letter;
use crate::people::changes::CODE_TTL_S;
use crate::people::profile::Field;

/// A code for the address that it is sent to.
pub(super) fn code(to: &str, code: &str, language: Option<Language>) -> Letter {
    let minutes = CODE_TTL_S / 60;
    let russian = format!(
        "Ваш код: {code}\nОн действует {minutes} минут. Никому его не сообщайте. \
         Если вы ничего не меняли, просто удалите это письмо.\n"
    );
    let english = format!(
        "Your code: {code}\nIt works for {minutes} minutes. Tell it to nobody. \
         If you have not changed anything, just delete this message.\n"
    );
    let what = written(language, ("код подтверждения", "confirmation code"), " / ");
    Letter {
        to: to.to_owned(),
        subject: format!("{code} — {what}"),
        text: written(language, (&russian, &english), "\n"),
    }
}

/// Somebody registers with a login that is another's, or with an address that was shown to be another's.
pub(super) fn taken(to: &str, language: Option<Language>) -> Letter {
    let russian = "Кто-то указал этот адрес при регистрации, но такой логин или адрес уже занят. Если \
                   это были вы, войдите с ним, восстановите пароль или зарегистрируйтесь с другим \
                   логином. Если нет, ничего делать не нужно: без кода, который приходит сюда, \
                   адрес остаётся за вами.\n";
    let english = "Somebody gave this address at a registration, but the login or the address \
                   belongs to an account already. If it was you, sign in with it, reset the \
                   password, or register with another login. If not, there is nothing to do: \
                   without a code that is sent here the address stays yours.\n";
    Letter {
        to: to.to_owned(),
        subject: written(language, ("Регистрация", "Registration"), " / "),
        text: written(language, (russian, english), "\n"),
    }
}

/// Word to the old address that something was changed.
pub(super) fn changed(to: &str, field: Field, language: Option<Language>) -> Letter {
    let (russian, english) = match field {
        Field::Email => ("адрес электронной почты", "e-mail address"),
        Field::Phone => ("номер телефона", "phone number"),
        Field::Login => ("логин", "login"),
    };
    let russian = format!(
        "В вашем профиле изменён {russian}. Если это были не вы, смените пароль и \
         завершите чужие сеансы.\n"
    );
    let english = format!(
        "The {english} of your account was changed. If it was not you, change the password \
         and end the sessions that are not yours.\n"
    );
    Letter {
        to: to.to_owned(),
        subject: written(language, ("Данные изменены", "Your data was changed"), " / "),
        text: written(language, (&russian, &english), "\n"),
    }
}

/// Word that one may sign in by a provider of identities from now on.
pub(super) fn linked(to: &str, title: &str, language: Option<Language>) -> Letter {
    let russian = format!(
        "В ваш кабинет теперь можно войти через {title}: там подтверждён тот же адрес. Если это \
         были не вы, восстановите пароль по ссылке «Забыли пароль?»: это отключит вход через \
         другие сервисы. И проверьте, кто входит в {title} под вашим адресом.\n"
    );
    let english = format!(
        "One can sign in to your account by {title} now, where the same address was verified. If \
         it was not you, reset the password as one that you forgot: that ends every such way to \
         sign in. And see who uses your address at {title}.\n"
    );
    Letter {
        to: to.to_owned(),
        subject: written(language, ("Вход через другой сервис", "Another way to sign in"), " / "),
        text: written(language, (&russian, &english), "\n"),
    }
}

/// Word that one signs in by a provider of identities no more.
pub(super) fn unlinked(to: &str, title: &str, language: Option<Language>) -> Letter {
    let russian = format!(
        "Войти в ваш кабинет через {title} больше нельзя, и сеансы, начатые так, завершены. Если \
         это были не вы, смените пароль и завершите чужие сеансы.\n"
    );
    let english = format!(
        "Nobody signs in to your account by {title} any more, and the sessions that began so have \
         ended. If it was not you, change the password and end the sessions that are not yours.\n"
    );
    Letter {
        to: to.to_owned(),
        subject: written(
            language,
            ("Вход через другой сервис отключён", "A way to sign in was taken back"),
            " / ",
        ),
        text: written(language, (&russian, &english), "\n"),
    }
}
