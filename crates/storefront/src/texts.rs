//! The words of the templates in every language, as plain tables.
//!
//! A missing word does not compile. Scripts have their own table, `assets/messages.js`, since they
//! speak at other moments. No text may hold markup.

mod app;
mod en;
mod ru;

pub(crate) use app::AppTexts;

use crate::Lang;

/// The forms of a noun beside a number; languages with fewer forms repeat one.
pub(crate) struct Plural {
    /// English 1; Russian 1, 21, 31 …
    pub(crate) one: &'static str,
    /// Russian 2–4, 22–24 …
    pub(crate) few: &'static str,
    /// All the others.
    pub(crate) many: &'static str,
}

impl Plural {
    pub(crate) const fn pick(&self, lang: Lang, number: u32) -> &'static str {
        match (lang, number % 10, number % 100) {
            (Lang::En, _, _) if number == 1 => self.one,
            (Lang::En, _, _) | (Lang::Ru, _, 11..=14) => self.many,
            (Lang::Ru, 1, _) => self.one,
            (Lang::Ru, 2..=4, _) => self.few,
            (Lang::Ru, _, _) => self.many,
        }
    }
}

/// One language's words, grouped by the page that uses them.
pub(crate) struct Texts {
    /// The words of accounts, the cabinet and staff.
    pub(crate) app: &'static AppTexts,
    pub(crate) skip: &'static str,
    pub(crate) language: &'static str,
    pub(crate) footer: &'static str,
    pub(crate) no_script: &'static str,
    pub(crate) to_home: &'static str,
    pub(crate) request_id: &'static str,
    pub(crate) seats_free: Plural,
    pub(crate) minutes: Plural,
    pub(crate) seconds: Plural,

    pub(crate) sale_on: &'static str,
    pub(crate) sale_opens: &'static str,
    pub(crate) sale_announced: &'static str,
    pub(crate) sale_announced_text: &'static str,
    pub(crate) sale_paused: &'static str,
    pub(crate) sale_paused_text: &'static str,
    pub(crate) sale_sold_out: &'static str,
    pub(crate) sale_sold_out_text: &'static str,
    pub(crate) sale_closed: &'static str,
    pub(crate) sale_closed_text: &'static str,
    pub(crate) sale_cancelled: &'static str,
    pub(crate) sale_cancelled_text: &'static str,

    pub(crate) home_title: &'static str,
    pub(crate) home_lead: &'static str,
    pub(crate) home_empty: &'static str,
    pub(crate) home_nothing: &'static str,
    pub(crate) home_next: &'static str,
    pub(crate) search: &'static str,
    pub(crate) search_words: &'static str,
    pub(crate) search_city: &'static str,
    pub(crate) search_artist: &'static str,
    pub(crate) search_genre: &'static str,
    pub(crate) search_any: &'static str,
    pub(crate) search_from: &'static str,
    pub(crate) search_to: &'static str,
    pub(crate) search_submit: &'static str,
    pub(crate) search_clear: &'static str,
    pub(crate) artist_works: &'static str,
    pub(crate) artist_events: &'static str,
    pub(crate) artist_no_events: &'static str,
    pub(crate) rules_title: &'static str,
    /// Holds `{n}`.
    pub(crate) rules_per_person: &'static str,
    pub(crate) rules_pay: &'static str,
    pub(crate) rules_extend: &'static str,
    pub(crate) rules_tickets: &'static str,
    pub(crate) to_calendar: &'static str,
    pub(crate) from: &'static str,

    pub(crate) room_title: &'static str,
    pub(crate) room_lead: &'static str,
    pub(crate) room_enter: &'static str,
    pub(crate) room_draw_title: &'static str,
    pub(crate) room_draw_text: &'static str,
    pub(crate) room_draw_link: &'static str,
    pub(crate) wait_title: &'static str,
    pub(crate) wait_lead: &'static str,

    pub(crate) best_title: &'static str,
    pub(crate) best_number: &'static str,
    pub(crate) best_tier: &'static str,
    pub(crate) best_any: &'static str,
    pub(crate) best_submit: &'static str,
    pub(crate) fewer: &'static str,
    pub(crate) more: &'static str,

    pub(crate) areas_title: &'static str,

    pub(crate) map_title: &'static str,
    pub(crate) map_label: &'static str,
    pub(crate) map_loading: &'static str,
    pub(crate) view_label: &'static str,
    pub(crate) view_map: &'static str,
    pub(crate) view_list: &'static str,
    pub(crate) zoom_label: &'static str,
    pub(crate) zoom_in: &'static str,
    pub(crate) zoom_out: &'static str,
    pub(crate) zoom_all: &'static str,
    pub(crate) legend_label: &'static str,
    pub(crate) legend_free: &'static str,
    pub(crate) legend_mine: &'static str,
    pub(crate) legend_held: &'static str,
    pub(crate) legend_sold: &'static str,
    pub(crate) legend_accessible: &'static str,

    pub(crate) tiers_title: &'static str,
    pub(crate) tier_name: &'static str,
    pub(crate) tier_price: &'static str,
    pub(crate) tier_free: &'static str,
    pub(crate) price_note: &'static str,
    pub(crate) codes_title: &'static str,
    pub(crate) promo_code: &'static str,
    pub(crate) presale_code: &'static str,

    pub(crate) tray_title: &'static str,
    pub(crate) tray_empty: &'static str,
    pub(crate) clock_label: &'static str,
    pub(crate) total: &'static str,
    pub(crate) hold_submit: &'static str,
    /// Holds `{time}`.
    pub(crate) hold_note: &'static str,
    pub(crate) more_time: &'static str,
    pub(crate) release: &'static str,

    pub(crate) details_title: &'static str,
    pub(crate) buyer_name: &'static str,
    pub(crate) buyer_email: &'static str,
    pub(crate) buyer_email_hint: &'static str,
    pub(crate) buyer_phone: &'static str,
    pub(crate) method_title: &'static str,
    pub(crate) method_card: &'static str,
    pub(crate) method_sbp: &'static str,
    pub(crate) consent: &'static str,
    pub(crate) pay_submit: &'static str,

    pub(crate) order_title: &'static str,
    pub(crate) order_loading: &'static str,
    pub(crate) order_contents: &'static str,
    pub(crate) order_history: &'static str,
    pub(crate) order_told: &'static str,
    pub(crate) offer_accept: &'static str,
    pub(crate) offer_decline: &'static str,
    pub(crate) check_again: &'static str,
    pub(crate) tickets_title: &'static str,
    pub(crate) ticket_title: &'static str,
    pub(crate) ticket_loading: &'static str,
    pub(crate) print: &'static str,
    pub(crate) print_all: &'static str,
    pub(crate) back_to_order: &'static str,

    pub(crate) not_found_title: &'static str,
    pub(crate) not_found_text: &'static str,
    pub(crate) bad_request_title: &'static str,
    pub(crate) bad_request_text: &'static str,
    pub(crate) unavailable_title: &'static str,
    pub(crate) unavailable_text: &'static str,
    pub(crate) failed_title: &'static str,
    pub(crate) failed_text: &'static str,
}

impl Texts {
    pub(crate) const fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Ru => &ru::TEXTS,
            Lang::En => &en::TEXTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Texts;
    use crate::Lang::{En, Ru};

    #[test]
    fn nouns_follow_numbers() {
        let table = [
            (0, "мест свободно", "seats free"),
            (1, "место свободно", "seat free"),
            (2, "места свободно", "seats free"),
            (5, "мест свободно", "seats free"),
            (11, "мест свободно", "seats free"),
            (12, "мест свободно", "seats free"),
            (21, "место свободно", "seats free"),
            (104, "места свободно", "seats free"),
            (111, "мест свободно", "seats free"),
            (1001, "место свободно", "seats free"),
        ];
        for (number, russian, english) in table {
            assert_eq!(Texts::of(Ru).seats_free.pick(Ru, number), russian, "{number}");
            assert_eq!(Texts::of(En).seats_free.pick(En, number), english, "{number}");
        }
    }
}
