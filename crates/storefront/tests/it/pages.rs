//! Every page: escaped, free of inline code, joined up, and within its budget.

use std::collections::HashSet;

use storefront::{CONTENT_SECURITY_POLICY, Lang, SaleState, asset};

use crate::html::{script_bodies, tags};
use crate::sample::{self, HOSTILE, every_page};

#[test]
fn hostile_texts_stay_texts() {
    let calm: Vec<_> = every_page("calm");
    let hostile: Vec<_> = every_page(HOSTILE);
    for ((name, calm), (_, hostile)) in calm.iter().zip(&hostile) {
        let shape = |html: &str| -> Vec<(String, Vec<String>)> {
            let names = |attributes: Vec<(String, String)>| {
                attributes.into_iter().map(|(name, _)| name).collect()
            };
            tags(html).into_iter().map(|tag| (tag.name, names(tag.attributes))).collect()
        };
        assert_eq!(shape(calm), shape(hostile), "{name}: a text changed the page's structure");
        assert!(!hostile.contains("<script>"), "{name}");
        assert!(!hostile.contains("<img src=x"), "{name}");
    }
}

#[test]
fn no_page_needs_more_than_the_policy_allows() {
    for (name, page) in every_page("x") {
        for tag in tags(&page) {
            for (attribute, value) in &tag.attributes {
                assert!(!attribute.starts_with("on"), "{name}: handler {attribute}");
                assert_ne!(attribute, "style", "{name}: inline style");
                assert!(!value.starts_with("javascript:"), "{name}: {value}");
                let foreign = value.starts_with("http:") || value.starts_with("https:");
                assert!(!foreign, "{name}: {value} comes from elsewhere");
            }
            assert_ne!(tag.name, "style", "{name}: inline style sheet");
        }
        assert!(script_bodies(&page).iter().all(|body| body.is_empty()), "{name}: inline script");
    }
    for loose in ["unsafe-inline", "unsafe-eval", "*", "http:", "https:"] {
        assert!(!CONTENT_SECURITY_POLICY.contains(loose));
    }
    assert!(CONTENT_SECURITY_POLICY.starts_with("default-src 'none'; "));
    assert!(!CONTENT_SECURITY_POLICY.contains("  "));
}

#[test]
fn every_file_that_a_page_names_exists() {
    for (name, page) in every_page("x") {
        let mut files = 0;
        for tag in tags(&page) {
            for address in [tag.get("src"), tag.get("href")].into_iter().flatten() {
                if address.starts_with("/assets/") {
                    let asset = asset(address);
                    assert!(asset.is_some_and(|asset| asset.immutable), "{name}: {address}");
                    files += 1;
                }
            }
        }
        assert!(files >= 2, "{name}: style sheet and icon");
    }
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    for (name, page) in every_page("x") {
        let tags = tags(&page);
        let mut ids = HashSet::new();
        for id in tags.iter().filter_map(|tag| tag.get("id")) {
            assert!(ids.insert(id), "{name}: id {id} twice");
        }
        for tag in &tags {
            for attribute in ["for", "aria-labelledby", "aria-describedby"] {
                for id in tag.get(attribute).unwrap_or_default().split(' ') {
                    assert!(id.is_empty() || ids.contains(id), "{name}: {attribute}={id}");
                }
            }
        }
        assert!(ids.contains("main"), "{name}: the skip link's target");
    }
}

#[test]
fn pages_speak_the_language_asked_for() {
    let russian = sample::event(Lang::Ru, "x", SaleState::OnSale);
    let english = sample::event(Lang::En, "x", SaleState::OnSale);
    assert!(russian.contains("<html lang=\"ru\">") && russian.contains("Ваши места"));
    assert!(english.contains("<html lang=\"en\">") && english.contains("Your seats"));
    assert!(russian.contains("12\u{a0}345\u{a0}мест свободно"), "numbers follow the language");
    assert!(english.contains("12,345\u{a0}seats free"));
    assert!(russian.contains("на 5\u{a0}минут,"));
    let cyrillic = |c: char| ('\u{400}'..='\u{4ff}').contains(&c);
    let own_words = english.replace("Русский", "");
    assert!(!own_words.contains(cyrillic), "a Russian word on an English page");
}

#[test]
fn closed_and_cancelled_events_offer_no_seats() {
    for sale in sample::all_sales("x") {
        let offered = !matches!(sale, SaleState::Closed | SaleState::Cancelled);
        let page = sample::event(Lang::En, "x", sale.clone());
        assert_eq!(page.contains("id=\"map-canvas\""), offered, "{sale:?}");
        assert_eq!(page.contains("id=\"checkout\""), offered, "{sale:?}");
        assert!(page.contains("id=\"tiers-title\""), "{sale:?}: prices are always shown");
    }
}

#[test]
fn prices_are_readable_without_scripts() {
    let page = sample::event(Lang::En, "x", SaleState::OnSale);
    assert!(page.contains("<noscript>"));
    assert!(page.contains("<time datetime=\"x\" data-zone=\"x\">x</time>"));
    assert!(page.contains("12,345\u{a0}seats free"));
}

#[test]
fn consent_is_never_given_beforehand() {
    let page = sample::event(Lang::En, "x", SaleState::OnSale);
    let tags = tags(&page);
    let consent = tags.iter().find(|tag| tag.get("id") == Some("consent")).unwrap();
    assert_eq!(consent.get("checked"), None);
    assert_eq!(consent.get("type"), Some("checkbox"));
}

#[test]
fn event_page_and_style_fit_their_budget() {
    const BUDGET_BYTES: usize = 60 * 1024;
    let page = sample::event(Lang::Ru, "Большой концерт", SaleState::OnSale);
    let style = asset(&storefront::asset_url("shop.css")).unwrap();
    let sum = page.len() + style.bytes.len();
    assert!(sum <= BUDGET_BYTES, "{sum} bytes");
}
