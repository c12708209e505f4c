//! What all pages share: head, header, footer, and the words that templates ask for.
//!
//! Templates reach texts and small formatting decisions through [`Frame`] only; it must never hold
//! anything about one visitor but the language. Its methods take references even to small values,
//! because that is what a template passes.

use crate::imports::imports_of;
use crate::price::grouped;
use crate::texts::Texts;
use crate::{Lang, PayMethod, Price, SaleState, asset_url};

/// The part of a template's values that is the same for all pages.
pub(crate) struct Frame {
    pub(crate) lang: Lang,
    pub(crate) t: &'static Texts,
    /// The script that brings the page to life.
    pub(crate) entry: Option<&'static str>,
    /// Scripts that `entry` will import.
    pub(crate) preloads: &'static [&'static str],
}

impl Frame {
    pub(crate) fn new(lang: Lang, entry: Option<&'static str>) -> Self {
        Self { lang, t: Texts::of(lang), entry, preloads: entry.map_or(&[], imports_of) }
    }

    pub(crate) fn asset(&self, name: &str) -> String {
        asset_url(name)
    }

    pub(crate) fn langs(&self) -> [Lang; 2] {
        [Lang::Ru, Lang::En]
    }

    /// The name of a language in that language.
    pub(crate) fn lang_name(&self, lang: &Lang) -> &'static str {
        match lang {
            Lang::Ru => "Русский",
            Lang::En => "English",
        }
    }

    pub(crate) fn sale_word(&self, sale: &SaleState) -> &'static str {
        match sale {
            SaleState::Announced(_) => self.t.sale_announced,
            SaleState::OnSale => self.t.sale_on,
            SaleState::Paused => self.t.sale_paused,
            SaleState::SoldOut => self.t.sale_sold_out,
            SaleState::Closed => self.t.sale_closed,
            SaleState::Cancelled => self.t.sale_cancelled,
        }
    }

    pub(crate) fn sale_sentence(&self, sale: &SaleState) -> &'static str {
        match sale {
            SaleState::Announced(_) => self.t.sale_announced_text,
            SaleState::OnSale => "",
            SaleState::Paused => self.t.sale_paused_text,
            SaleState::SoldOut => self.t.sale_sold_out_text,
            SaleState::Closed => self.t.sale_closed_text,
            SaleState::Cancelled => self.t.sale_cancelled_text,
        }
    }

    pub(crate) fn method_name(&self, method: &PayMethod) -> &'static str {
        match method {
            PayMethod::BankCard => self.t.method_card,
            PayMethod::Sbp => self.t.method_sbp,
        }
    }

    pub(crate) fn price(&self, price: &Price) -> String {
        price.text(self.lang)
    }

    /// How many tickets one person may buy.
    pub(crate) fn per_person(&self, seats: &u32) -> String {
        self.t.rules_per_person.replace("{n}", &seats.to_string())
    }

    /// `42 seats free`, in the grammar of the language.
    pub(crate) fn seats_free(&self, free: &u32) -> String {
        let number = grouped(&free.to_string(), self.lang);
        format!("{number}\u{a0}{}", self.t.seats_free.pick(self.lang, *free))
    }

    /// How long seats stay taken: whole minutes where they are whole, seconds elsewhere.
    pub(crate) fn hold_note(&self, hold_ttl_s: &u32) -> String {
        let (number, unit) = if hold_ttl_s.is_multiple_of(60) {
            (hold_ttl_s / 60, &self.t.minutes)
        } else {
            (*hold_ttl_s, &self.t.seconds)
        };
        let time = format!("{number}\u{a0}{}", unit.pick(self.lang, number));
        self.t.hold_note.replace("{time}", &time)
    }
}
