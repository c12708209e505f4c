//! The words of accounts, the cabinet and staff: titles and the texts that one agrees to. What the
//! scripts of these pages say is in their own tables, `assets/words-account.js` and `words-staff.js`.

/// One language's words.
#[derive(Debug)]
pub(crate) struct AppTexts {
    pub(crate) loading: &'static str,
    pub(crate) cabinet_nav: &'static str,
    pub(crate) sign_in: &'static str,
    pub(crate) register: &'static str,
    pub(crate) reset: &'static str,
    pub(crate) tickets: &'static str,
    pub(crate) orders: &'static str,
    pub(crate) profile: &'static str,
    pub(crate) notices: &'static str,
    pub(crate) security: &'static str,
    pub(crate) privacy: &'static str,
    pub(crate) board: &'static str,
    pub(crate) events: &'static str,
    pub(crate) artists: &'static str,
    pub(crate) venues: &'static str,
    pub(crate) plans: &'static str,
    pub(crate) sales: &'static str,
    pub(crate) work: &'static str,
    pub(crate) audit: &'static str,
    pub(crate) door: &'static str,
    pub(crate) version: &'static str,
    pub(crate) consent_data_title: &'static str,
    pub(crate) consent_data_text: &'static [&'static str],
    pub(crate) consent_marketing_title: &'static str,
    pub(crate) consent_marketing_text: &'static [&'static str],
}

pub(crate) const EN: AppTexts = AppTexts {
    loading: "One moment…",
    cabinet_nav: "Sections",
    sign_in: "Sign in",
    register: "Create an account",
    reset: "Set a new password",
    tickets: "Tickets",
    orders: "Orders",
    profile: "Profile",
    notices: "Notices",
    security: "Security",
    privacy: "Privacy",
    board: "Sales now",
    events: "Events",
    artists: "Artists",
    venues: "Venues",
    plans: "Plans",
    sales: "Orders",
    work: "Work",
    audit: "Ledger",
    door: "Door",
    version: "Version",
    consent_data_title: "Processing of personal data",
    consent_data_text: &[
        "To sell you tickets we process your name, e-mail address and phone number: to take the \
         order, to send the tickets, to write to you when an event moves or is cancelled, and to \
         return money.",
        "We keep them sealed under a key of your own. We do not sell them and give them to nobody \
         but the payment system, which gets what a payment needs.",
        "You can read, correct, take along and delete your data in your account at any time. \
         Deleting destroys the key; records of sales stay without your name, as the law asks.",
    ],
    consent_marketing_title: "Letters with news",
    consent_marketing_text: &[
        "Now and then we write to you about events that may interest you. This is apart from the \
         sale of tickets: without it you buy just as well.",
        "Every letter says how to stop them.",
    ],
};

pub(crate) const RU: AppTexts = AppTexts {
    loading: "Минутку…",
    cabinet_nav: "Разделы",
    sign_in: "Вход",
    register: "Регистрация",
    reset: "Новый пароль",
    tickets: "Билеты",
    orders: "Заказы",
    profile: "Профиль",
    notices: "Уведомления",
    security: "Безопасность",
    privacy: "Мои данные",
    board: "Продажи сейчас",
    events: "События",
    artists: "Артисты",
    venues: "Площадки",
    plans: "Схемы залов",
    sales: "Заказы",
    work: "Задания",
    audit: "Журнал",
    door: "Вход в зал",
    version: "Редакция",
    consent_data_title: "Обработка персональных данных",
    consent_data_text: &[
        "Чтобы продать вам билеты, мы обрабатываем имя, адрес почты и телефон: принимаем заказ, \
         присылаем билеты, пишем о переносе и отмене, возвращаем деньги.",
        "Данные хранятся запечатанными под вашим собственным ключом. Мы их не продаём и никому не \
         передаём, кроме платёжной системы: она получает только нужное для платежа.",
        "Прочитать, исправить, забрать и удалить данные можно в личном кабинете в любой момент. \
         При удалении ключ уничтожается; записи о продажах остаются без имени, как требует закон.",
    ],
    consent_marketing_title: "Письма с новостями",
    consent_marketing_text: &[
        "Иногда мы пишем о событиях, которые могут быть вам интересны. К продаже билетов это не \
         относится: без этого согласия билеты продаются так же.",
        "В каждом письме сказано, как от них отказаться.",
    ],
};
