//! What is written to people about their accounts, in Russian and English in one letter, since
//! nobody has said yet which they read.

use crate::messages::Letter;
use crate::people::changes::CODE_TTL_S;
use crate::people::profile::Field;

/// A code for the address that it is sent to.
pub(super) fn code(to: &str, code: &str) -> Letter {
    let minutes = CODE_TTL_S / 60;
    Letter {
        to: to.to_owned(),
        subject: format!("{code} — код подтверждения / confirmation code"),
        text: format!(
            "Ваш код: {code}\nОн действует {minutes} минут. Никому его не сообщайте. \
             Если вы ничего не меняли, просто удалите это письмо.\n\n\
             Your code: {code}\nIt works for {minutes} minutes. Tell it to nobody. \
             If you have not changed anything, just delete this message.\n"
        ),
    }
}

/// Somebody registers with what is another's already.
pub(super) fn taken(to: &str) -> Letter {
    Letter {
        to: to.to_owned(),
        subject: "Регистрация / Registration".to_owned(),
        text: "Кто-то указал этот адрес при регистрации, но такой логин, адрес или телефон уже \
               занят. Если это были вы, войдите с ним или зарегистрируйтесь с другим логином.\n\n\
               Somebody gave this address at a registration, but the login, address or phone \
               belongs to an account already. If it was you, sign in with it, or register with \
               another login.\n"
            .to_owned(),
    }
}

/// Word to the old address that something was changed.
pub(super) fn changed(to: &str, field: Field) -> Letter {
    let (russian, english) = match field {
        Field::Email => ("адрес электронной почты", "e-mail address"),
        Field::Phone => ("номер телефона", "phone number"),
        Field::Login => ("логин", "login"),
    };
    Letter {
        to: to.to_owned(),
        subject: "Данные изменены / Your data was changed".to_owned(),
        text: format!(
            "В вашем профиле изменён {russian}. Если это были не вы, смените пароль и \
             завершите чужие сеансы.\n\n\
             The {english} of your account was changed. If it was not you, change the password \
             and end the sessions that are not yours.\n"
        ),
    }
}

/// Word that one may sign in by a provider of identities from now on.
pub(super) fn linked(to: &str, title: &str) -> Letter {
    Letter {
        to: to.to_owned(),
        subject: "Вход через другой сервис / Another way to sign in".to_owned(),
        text: format!(
            "В ваш кабинет теперь можно войти через {title}: там подтверждён тот же адрес. \
             Если это были не вы, смените пароль и напишите нам.\n\n\
             One can sign in to your account by {title} now, where the same address was \
             verified. If it was not you, change the password and write to us.\n"
        ),
    }
}
