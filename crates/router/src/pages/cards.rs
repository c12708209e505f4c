//! From catalogue entries to what pages show. Pure but for the clock, which decides whether a sale
//! is shown as open; the grid alone decides whether it is.

use http_api::Money;
use http_api::time::{now_ms, parse_rfc3339_ms};
use inventory::SeatCounts;
use jiff::Timestamp;
use storefront::{ArtistLink, EventCard, Price, SaleState, Tier, When};

use crate::office::{EventEntry, TierEntry, VenueEntry};
use crate::seatmap::MapView;

/// An event with what is known about its seats.
pub(crate) fn card(entry: &EventEntry, seats: Option<SeatCounts>) -> EventCard {
    let full = entry.tiers.iter().map(TierEntry::full_price);
    let cheapest = full.min_by_key(|price| price.minor().unwrap_or(i64::MAX));
    EventCard {
        id: entry.id.clone(),
        name: entry.name.clone(),
        artists: entry
            .artists
            .iter()
            .map(|artist| ArtistLink { id: artist.id.clone(), name: artist.name.clone() })
            .collect(),
        starts: when(&entry.starts_at, &entry.venue),
        venue: entry.venue.name.clone(),
        city: entry.venue.city.clone(),
        from_price: cheapest.map(|full| price(&full)),
        free: seats.map(|seats| seats.free),
        sale: sale(entry, seats, now_ms()),
    }
}

/// Tiers with the free seats of each, if they are known.
pub(crate) fn tiers(entry: &EventEntry, view: Option<&MapView>) -> Vec<Tier> {
    // Catalogue and plan list the same tiers in the same order; if not, no count is better than a
    // wrong one.
    let view = view.filter(|view| view.tiers.len() == entry.tiers.len());
    let tiers = entry.tiers.iter().enumerate().map(|(at, tier)| Tier {
        id: tier.id.clone(),
        name: tier.name.clone(),
        price: price(&tier.full_price()),
        free: view.map(|view| view.tiers[at].free),
    });
    tiers.collect()
}

fn price(money: &Money) -> Price {
    Price { value: money.value.clone(), currency: money.currency.clone() }
}

fn sale(entry: &EventEntry, seats: Option<SeatCounts>, now_ms: u64) -> SaleState {
    let at = |text: &Option<String>| text.as_deref().and_then(parse_rfc3339_ms);
    match entry.status.as_str() {
        "cancelled" => return SaleState::Cancelled,
        "paused" => return SaleState::Paused,
        _ => {}
    }
    if at(&entry.sale.closes_at).is_some_and(|closes| now_ms >= closes) {
        return SaleState::Closed;
    }
    if at(&entry.sale.opens_at).is_some_and(|opens| now_ms < opens) {
        let opens = entry.sale.opens_at.as_deref();
        return SaleState::Announced(opens.map(|opens| when(opens, &entry.venue)));
    }
    match seats {
        Some(seats) if seats.free == 0 => SaleState::SoldOut,
        Some(_) | None => SaleState::OnSale,
    }
}

/// A moment in the venue's zone, in figures, which every language reads.
fn when(at: &str, venue: &VenueEntry) -> When {
    let zone = if venue.timezone.is_empty() { "UTC" } else { &venue.timezone };
    let local = at.parse::<Timestamp>().ok().and_then(|moment| moment.in_tz(zone).ok());
    let text = match local {
        Some(local) => local.strftime("%d.%m.%Y, %H:%M (%Z)").to_string(),
        None => at.to_owned(),
    };
    When { at: at.to_owned(), timezone: zone.to_owned(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(status: &str, opens_at: &str, closes_at: &str) -> EventEntry {
        let entry = serde_json::json!({
            "id": "e", "name": "E", "starts_at": "2027-03-05T16:00:00.000Z", "status": status,
            "venue": {"name": "V", "city": "C", "timezone": "UTC"},
            "sale": {"opens_at": opens_at, "closes_at": closes_at},
            "tiers": [{"id": "a", "name": "A", "price": {"value": "10.00", "currency": "RUB"}},
                {"id": "b", "name": "B", "price": {"value": "9.50", "currency": "RUB"},
                    "fee": {"value": "0.95", "currency": "RUB"}}],
        });
        serde_json::from_value(entry).expect("an entry")
    }

    #[test]
    fn sales_by_time_and_seats() {
        let (early, late) = ("2000-01-01T00:00:00.000Z", "2100-01-01T00:00:00.000Z");
        let none = Some(SeatCounts { sold: 5, ..SeatCounts::default() });
        let some = Some(SeatCounts { free: 1, ..SeatCounts::default() });
        let state = |entry: &EventEntry, seats| sale(entry, seats, now_ms());
        let open = entry("published", early, late);
        assert_eq!(state(&open, some), SaleState::OnSale);
        assert_eq!(state(&open, None), SaleState::OnSale);
        assert_eq!(state(&open, none), SaleState::SoldOut);
        assert_eq!(state(&entry("published", early, early), some), SaleState::Closed);
        assert_eq!(state(&entry("cancelled", early, late), some), SaleState::Cancelled);
        let SaleState::Announced(Some(opens)) = state(&entry("published", late, late), some) else {
            panic!("not announced");
        };
        assert_eq!(opens.text, "01.01.2100, 00:00 (UTC)");
    }

    #[test]
    fn the_cheapest_tier_is_named() {
        let card = card(&entry("published", "", ""), None);
        assert_eq!(card.from_price.map(|price| price.value).as_deref(), Some("10.00"));
        assert_eq!(card.starts.text, "05.03.2027, 16:00 (UTC)");
    }
}
