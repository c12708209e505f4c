//! The words of the payment page in English and Russian.
//!
//! Only words: which of them stand where is the business of `html`.

use axum::http::{HeaderMap, header};

use crate::{
    provider::Method,
    sandbox::{object::Status, outcome::Outcome},
};

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Russian.
    Ru,
}

impl Lang {
    /// What the address asks for, else what the browser prefers, else English.
    pub fn choose(asked: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        match asked.or(accepted) {
            Some(text) if text.trim_start().to_ascii_lowercase().starts_with("ru") => Self::Ru,
            Some(_) | None => Self::En,
        }
    }

    /// The code in `lang` attributes and addresses.
    pub fn code(self) -> &'static str {
        self.pick("en", "ru")
    }

    fn pick(self, en: &'static str, ru: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Ru => ru,
        }
    }
}

/// A text that stands on the page once.
#[derive(Debug, Clone, Copy)]
pub enum Text {
    /// The page's title and heading.
    Title,
    /// That no money moves.
    Test,
    /// Above the amount.
    ToPay,
    /// Before the order's id.
    Order,
    /// Before the method.
    Method,
    /// Before the status.
    Status,
    /// Before the time at which waiting ends.
    WaitsUntil,
    /// Before the time at which a decision takes effect.
    DecidedFor,
    /// Above the ordinary buttons.
    Pay,
    /// Above the buttons for unusual outcomes.
    Unusual,
    /// The field for the delay.
    Delay,
    /// The link back.
    Back,
    /// For an address without a payment.
    NotFound,
}

impl Text {
    /// The words.
    pub fn to(self, lang: Lang) -> &'static str {
        match self {
            Self::Title => lang.pick("Test payment", "Тестовая оплата"),
            Self::Test => lang.pick(
                "Sandbox: no real money moves and no card is asked for.",
                "Песочница: настоящие деньги не списываются, карта не запрашивается.",
            ),
            Self::ToPay => lang.pick("To pay", "К оплате"),
            Self::Order => lang.pick("Order", "Заказ"),
            Self::Method => lang.pick("Method", "Способ"),
            Self::Status => lang.pick("Status", "Статус"),
            Self::WaitsUntil => lang.pick("Waits for you until", "Ожидает вас до"),
            Self::DecidedFor => lang.pick("Takes effect at", "Вступит в силу в"),
            Self::Pay => lang.pick("What shall happen?", "Что должно произойти?"),
            Self::Unusual => lang.pick("Unusual outcomes", "Необычные исходы"),
            Self::Delay => lang.pick(
                "Delay in milliseconds (0: the outcome's own)",
                "Задержка в миллисекундах (0 — как у исхода)",
            ),
            Self::Back => lang.pick("Back to the shop", "Вернуться в магазин"),
            Self::NotFound => lang.pick("There is no such payment.", "Такого платежа нет."),
        }
    }
}

/// The words of a status.
pub fn status(status: Status, lang: Lang) -> &'static str {
    match status {
        Status::Pending => lang.pick("waits for payment", "ожидает оплаты"),
        Status::WaitingForCapture => lang.pick("money reserved", "деньги зарезервированы"),
        Status::Succeeded => lang.pick("paid", "оплачен"),
        Status::Canceled => lang.pick("not paid", "не оплачен"),
    }
}

/// The words of a method.
pub fn method(method: Method, lang: Lang) -> &'static str {
    match method {
        Method::BankCard => lang.pick("bank card", "банковская карта"),
        Method::Sbp => lang.pick("SBP (fast payments)", "СБП"),
    }
}

/// The words on an outcome's button.
pub fn button(outcome: Outcome, lang: Lang) -> &'static str {
    match outcome {
        Outcome::Succeed => lang.pick("Pay", "Оплатить"),
        Outcome::Fail => lang.pick("Refuse: not enough money", "Отказ: недостаточно средств"),
        Outcome::Slow => lang.pick("Pay slowly (5 s)", "Оплатить медленно (5 с)"),
        Outcome::Late => lang.pick("Pay too late (400 s)", "Оплатить слишком поздно (400 с)"),
        Outcome::Never => lang.pick("Leave without paying", "Уйти без оплаты"),
        Outcome::Expire => lang.pick("Let the payment expire now", "Истечь прямо сейчас"),
        Outcome::Duplicate => lang.pick("Pay, notify many times", "Оплатить, уведомить много раз"),
        Outcome::Reorder => {
            lang.pick("Pay, then a stale cancellation", "Оплатить, затем устаревшая отмена")
        }
        Outcome::LostNotification => {
            lang.pick("Pay, lose the notification", "Оплатить, уведомление потеряется")
        }
        Outcome::AmountMismatch => lang.pick("Pay another amount", "Оплатить другую сумму"),
        Outcome::CurrencyMismatch => {
            lang.pick("Pay in another currency", "Оплатить в другой валюте")
        }
        Outcome::MetadataMismatch => {
            lang.pick("Pay under another order's name", "Оплатить с номером другого заказа")
        }
        Outcome::ForgedNotification => {
            lang.pick("Send a false notification", "Послать ложное уведомление")
        }
        Outcome::UnknownOrder => {
            lang.pick("Notify about an unknown order", "Уведомить о неизвестном заказе")
        }
    }
}
