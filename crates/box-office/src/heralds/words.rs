//! What notices say, in Russian, in English, or in both where nobody has said which.
//!
//! Pure: a notice, a name and a language give a subject and a text. Nothing here knows an address.

use serde_json::{Value, json};

use crate::clock;
use crate::language::{Language, written};

/// What is told: a notice with what is known of its event now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) kind: &'a str,
    /// The order, hold or place.
    pub(super) about: &'a str,
    pub(super) facts: &'a Value,
    /// Empty when the catalogue does not know the event.
    pub(super) event: &'a str,
    /// The venue's name and address.
    pub(super) place: &'a str,
    pub(super) timezone: &'a str,
}

/// Subject and text of the letter to `name`.
pub(super) fn letter(told: &Told<'_>, name: &str, language: Option<Language>) -> (String, String) {
    let (event, about) = (told.event, told.about);
    let (russian, english) = headline(told.kind, told.facts);
    let what = written(language, (russian, english), " / ");
    let [ru, en] = [Language::Ru, Language::En].map(|language| details(told, language));
    let russian = format!("Здравствуйте, {name}!\n{event}: {russian}.{ru}\nНомер: {about}\n");
    let english = format!("Hello {name},\n{event}: {english}.{en}\nReference: {about}\n");
    (format!("{event}: {what}"), written(language, (&russian, &english), "\n"))
}

/// For a browser's notification, as JSON: `title`, `body`, `kind`, `about`. No name and no seats, since
/// others may look on.
pub(super) fn screen(told: &Told<'_>, language: Option<Language>) -> String {
    let body = written(language, headline(told.kind, told.facts), " / ");
    json!({"title": told.event, "body": body, "kind": told.kind, "about": told.about}).to_string()
}

/// What a kind of notice says, in both languages.
fn headline(kind: &str, facts: &Value) -> (&'static str, &'static str) {
    match kind {
        "purchase_confirmed" => ("билеты куплены", "your tickets are bought"),
        "hold_expired" => (
            "бронь истекла, места снова в продаже",
            "your hold has expired, the seats are on sale again",
        ),
        "payment_failed" => ("оплата не прошла", "your payment did not go through"),
        "payment_late" => late(facts),
        "refund_started" => ("начат возврат денег", "your refund was started"),
        "refund_failed" => (
            "возврат не прошёл, им занимается сотрудник",
            "your refund did not go through, our staff takes care of it",
        ),
        "money_returned" => ("деньги возвращены", "your money is on its way back"),
        "turn_came" => ("подошла ваша очередь", "your turn has come"),
        "seats_moved" => ("места заменены организатором", "your seats were moved"),
        "seats_removed" => ("места сняты организатором", "your seats were removed"),
        "seats_refunded" => ("места возвращены", "your seats were refunded"),
        "event_moved" => ("мероприятие перенесено", "the event was moved"),
        "event_cancelled" => ("мероприятие отменено", "the event is cancelled"),
        "hold_withdrawn" => ("бронь снята", "your hold was withdrawn"),
        "reminder" => ("скоро начало", "it starts soon"),
        _ => ("есть новости о заказе", "there is news of your order"),
    }
}

/// What money that came late has become.
fn late(facts: &Value) -> (&'static str, &'static str) {
    match facts["settled_as"].as_str() {
        Some("retaken") => (
            "оплата пришла поздно, но места ещё были свободны: они ваши",
            "your payment came late, but the seats were still free: they are yours",
        ),
        Some("refunded") => (
            "оплата пришла поздно или дважды, деньги возвращаются",
            "your payment came late or twice, the money goes back",
        ),
        _ => (
            "оплата пришла поздно, места заняты: выберите другие на странице заказа",
            "your payment came late and the seats are taken: choose others on the order's page",
        ),
    }
}

/// When, where, which seats, how much: as the notice knows it, a line each.
fn details(told: &Told<'_>, language: Language) -> String {
    let is_russian = language == Language::Ru;
    let mut lines = String::new();
    let mut line = |russian: &str, english: &str, text: &str| {
        if !text.is_empty() {
            let label = if is_russian { russian } else { english };
            lines.push_str(&format!("\n{label}: {text}"));
        }
    };
    let (moved, starts, seats) = (told.moved_to(), told.starts(), told.seats());
    line("Теперь", "Now", &moved);
    line("Начало", "Starts", &starts);
    let place = if told.kind == "reminder" { told.place } else { "" };
    line("Место", "Venue", place);
    line("Места", "Seats", &seats);
    line("Сумма", "Amount", &told.amount());
    lines
}

impl Told<'_> {
    /// When a moved event starts now, as people read it.
    fn moved_to(&self) -> String {
        let starts_at = self.facts["to"]["starts_at"].as_str().and_then(|text| text.parse().ok());
        let at = starts_at.map(|at: jiff::Timestamp| at.as_millisecond());
        at.map_or_else(String::new, |ms| clock::local_text(ms, self.timezone))
    }

    fn starts(&self) -> String {
        let at = self.facts["starts_at_ms"].as_i64();
        at.map_or_else(String::new, |ms| clock::local_text(ms, self.timezone))
    }

    fn seats(&self) -> String {
        let seats = self.facts["seats"].as_array();
        let seats: Vec<&str> = seats.into_iter().flatten().filter_map(Value::as_str).collect();
        seats.join(", ")
    }

    fn amount(&self) -> String {
        let minor = self.facts["amount_minor"].as_i64().filter(|minor| *minor > 0);
        let currency = self.facts["currency"].as_str().unwrap_or("");
        let text = |minor: i64| format!("{}.{:02} {currency}", minor / 100, minor % 100);
        minor.map_or_else(String::new, |minor| text(minor).trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::choices::KINDS;

    fn told<'a>(kind: &'a str, facts: &'a Value) -> Told<'a> {
        let (event, place, timezone) = ("Гала", "Клуб, Невский 1", "Europe/Moscow");
        Told { kind, about: "o1-5", facts, event, place, timezone }
    }

    #[test]
    fn every_kind_has_words_in_both_languages() {
        let facts = json!({});
        let unknown = headline("no such kind", &facts);
        for kind in KINDS {
            let (russian, english) = headline(kind.word, &facts);
            assert_ne!((russian, english), unknown, "{}", kind.word);
            assert!(english.is_ascii() && !russian.is_ascii(), "{}", kind.word);
        }
    }

    #[test]
    fn a_letter_is_in_the_chosen_language_alone() {
        let facts = json!({"seats": ["A-1-2", "A-1-3"], "starts_at_ms": 1_795_366_800_000_i64});
        let told = told("reminder", &facts);
        let (subject, text) = letter(&told, "Анна", Some(Language::Ru));
        assert_eq!(subject, "Гала: скоро начало");
        assert_eq!(
            text,
            "Здравствуйте, Анна!\nГала: скоро начало.\nНачало: 22.11.2026, 20:00 (MSK)\n\
             Место: Клуб, Невский 1\nМеста: A-1-2, A-1-3\nНомер: o1-5\n"
        );
        let (subject, text) = letter(&told, "Anna", Some(Language::En));
        assert_eq!(subject, "Гала: it starts soon");
        assert!(text.starts_with("Hello Anna,") && !text.contains("Места"), "{text}");
        let (subject, both) = letter(&told, "Anna", None);
        assert_eq!(subject, "Гала: скоро начало / it starts soon");
        assert!(both.contains("Здравствуйте") && both.contains("Hello"), "{both}");
    }

    #[test]
    fn late_money_is_explained_by_what_became_of_it() {
        let mut seen = std::collections::BTreeSet::new();
        for word in ["retaken", "refunded", "succeeded"] {
            let facts = json!({"settled_as": word, "amount_minor": 350_005, "currency": "RUB"});
            let (subject, text) = letter(&told("payment_late", &facts), "Anna", None);
            assert!(text.contains("Сумма: 3500.05 RUB"), "{text}");
            seen.insert(subject);
        }
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn a_small_screen_shows_neither_name_nor_seats() {
        let facts = json!({"seats": ["A-1-2"]});
        let screen = screen(&told("seats_moved", &facts), Some(Language::En));
        let shown: Value = serde_json::from_str(&screen).expect("JSON");
        assert_eq!(
            shown,
            json!({"title": "Гала", "body": "your seats were moved", "kind": "seats_moved",
                "about": "o1-5"})
        );
    }
}
