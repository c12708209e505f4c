//! Demonstration content: artists, venues and four events with drawn halls, so that a new
//! installation has something to sell. Put in once; what an organiser changed stays changed.

use sqlx::types::Json;
use sqlx::{Connection, PgConnection, PgPool};

use crate::catalogue::{
    CodeRecord, CodeWord, ExtensionRecord, FeeRecord, RulesRecord, StoredPlan, StoredRow,
    StoredSection, TierRecord, Work,
};
use crate::database::own_connection;

mod arena;
mod club;
mod hall;
mod open_air;
mod texts;

/// Days from the first start to the event in the hall; a sale must open 60 days ahead.
const HALL_DAYS_AHEAD: i32 = 75;
/// Days from the first start to the event in the arena.
const ARENA_DAYS_AHEAD: i32 = 90;
/// Days from the first start to the open air.
const OPEN_AIR_DAYS_AHEAD: i32 = 105;
/// Days from the first start to the evening in the club.
const CLUB_DAYS_AHEAD: i32 = 120;
/// Days from the first start until the club's sale opens to everybody.
const CLUB_OPENS_IN_DAYS: i32 = 7;
/// Seats that one person, and one hold, may have.
const SEATS_MAX: i32 = 6;

/// How much more time a hold in the hall may be given, once, in seconds.
const EXTENSION_S: u32 = 300;
/// How long seats are held for whoever waited for them, in seconds.
const WAITLIST_S: u32 = 600;
/// What the open air adds to each price, in hundredths of a percent.
const FEE_BASIS_POINTS: u16 = 500;
/// How long other seats are offered for late money, in seconds.
const OFFER_S: u32 = 600;
/// The year 2100, milliseconds since 1970.
const FAR_AWAY_MS: u64 = 4_102_444_800_000;

/// An artist of the demonstration.
struct DemoArtist {
    id: &'static str,
    name: &'static str,
    occupation: &'static str,
    genre: &'static str,
    bio: &'static str,
    works: &'static [(&'static str, i32)],
}

/// A venue of the demonstration.
struct DemoVenue {
    id: &'static str,
    name: &'static str,
    city: &'static str,
    address: &'static str,
    timezone: &'static str,
}

/// An event of the demonstration.
struct DemoEvent {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    venue: &'static str,
    artists: &'static [&'static str],
    days_ahead: i32,
    /// Days until its sale opens; 0 opens it at once.
    opens_in_days: i32,
    tiers: Vec<TierRecord>,
    plan: StoredPlan,
    rules: RulesRecord,
    codes: Vec<CodeRecord>,
}

/// Puts the demonstration content in where it is missing; all or nothing.
pub(crate) async fn seed(pool: PgPool, hold_ttl_s: u32) -> Result<(), sqlx::Error> {
    let there: bool =
        sqlx::query_scalar("select exists (select from office.event where id = 'demo-hall')")
            .fetch_one(&pool)
            .await?;
    if there {
        return Ok(());
    }
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    for artist in texts::ARTISTS {
        put_artist(&mut all, artist).await?;
    }
    for venue in texts::VENUES {
        put_venue(&mut all, venue).await?;
    }
    for event in events() {
        put_event(&mut all, &event, hold_ttl_s as i32).await?;
    }
    all.commit().await
}

fn events() -> [DemoEvent; 4] {
    [
        DemoEvent {
            id: "demo-hall",
            name: texts::HALL_NAME,
            description: texts::HALL_DESCRIPTION,
            venue: "white-hall",
            artists: &["northern-wind", "vera-solntseva"],
            days_ahead: HALL_DAYS_AHEAD,
            opens_in_days: 0,
            tiers: hall::tiers(),
            plan: hall::plan(),
            rules: RulesRecord {
                extension: Some(ExtensionRecord { by_s: EXTENSION_S, times_max: 1 }),
                ..waiting_list()
            },
            codes: vec![promo_code()],
        },
        DemoEvent {
            id: "demo-arena",
            name: texts::ARENA_NAME,
            description: texts::ARENA_DESCRIPTION,
            venue: "neva-arena",
            artists: &["paper-lanterns", "tram-to-the-sea"],
            days_ahead: ARENA_DAYS_AHEAD,
            opens_in_days: 0,
            tiers: arena::tiers(),
            plan: arena::plan(),
            rules: waiting_list(),
            codes: vec![],
        },
        open_air(),
        club(),
    ]
}

/// Areas, a fee, and other seats offered for money that comes late.
fn open_air() -> DemoEvent {
    DemoEvent {
        id: "demo-open-air",
        name: texts::OPEN_AIR_NAME,
        description: texts::OPEN_AIR_DESCRIPTION,
        venue: "long-field",
        artists: &["tram-to-the-sea", "paper-lanterns"],
        days_ahead: OPEN_AIR_DAYS_AHEAD,
        opens_in_days: 0,
        tiers: open_air::tiers(),
        plan: open_air::plan(),
        rules: RulesRecord {
            fee: FeeRecord { per_seat_minor: 0, basis_points: FEE_BASIS_POINTS },
            offer_ttl_s: Some(OFFER_S),
            ..waiting_list()
        },
        codes: vec![],
    }
}

/// Sold by code until its sale opens.
fn club() -> DemoEvent {
    DemoEvent {
        id: "demo-club",
        name: texts::CLUB_NAME,
        description: texts::CLUB_DESCRIPTION,
        venue: "cellar-club",
        artists: &["vera-solntseva"],
        days_ahead: CLUB_DAYS_AHEAD,
        opens_in_days: CLUB_OPENS_IN_DAYS,
        tiers: club::tiers(),
        plan: club::plan(),
        rules: waiting_list(),
        codes: vec![presale_code()],
    }
}

/// Seats that come back are held for the head of a list.
fn waiting_list() -> RulesRecord {
    RulesRecord { waitlist_ttl_s: Some(WAITLIST_S), ..RulesRecord::default() }
}

/// Lets in before the sale opens, for a part of the seats.
fn presale_code() -> CodeRecord {
    CodeRecord {
        code: "BACKSTAGE".into(),
        kind: CodeWord::Presale,
        basis_points: 0,
        seats_max: Some(60),
        ..promo_code()
    }
}

/// A tenth off, for as long as the demonstration lasts.
fn promo_code() -> CodeRecord {
    CodeRecord {
        code: "NORTH10".into(),
        kind: CodeWord::Promo,
        per_seat_minor: 0,
        basis_points: 1_000,
        from_ms: 0,
        until_ms: FAR_AWAY_MS,
        tiers: vec![],
        seats_max: Some(200),
        budget_minor: None,
    }
}

async fn put_artist(db: &mut PgConnection, artist: &DemoArtist) -> Result<(), sqlx::Error> {
    let works: Vec<Work> = artist
        .works
        .iter()
        .map(|(title, year)| Work { title: (*title).into(), year: *year })
        .collect();
    sqlx::query(
        "insert into office.artist (id, name, occupation, genre, bio, works)
         values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing",
    )
    .bind(artist.id)
    .bind(artist.name)
    .bind(artist.occupation)
    .bind(artist.genre)
    .bind(artist.bio)
    .bind(Json(works))
    .execute(db)
    .await?;
    Ok(())
}

async fn put_venue(db: &mut PgConnection, venue: &DemoVenue) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into office.venue (id, name, city, address, timezone)
         values ($1, $2, $3, $4, $5) on conflict (id) do nothing",
    )
    .bind(venue.id)
    .bind(venue.name)
    .bind(venue.city)
    .bind(venue.address)
    .bind(venue.timezone)
    .execute(db)
    .await?;
    Ok(())
}

/// The evening begins at seven in the venue's own time; a sale that opens at once is open since a
/// minute.
async fn put_event(
    db: &mut PgConnection,
    event: &DemoEvent,
    hold_ttl_s: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into office.event (id, name, description, venue_id, starts_at, status, currency,
             tiers, plan, sale_opens_at, sale_closes_at, per_person_max, per_hold_max, hold_ttl_s,
             rules, codes)
         select $1, $2, $3, venue.id, starts.at, 'published', 'RUB', $5, $6,
                date_trunc('minute', now()) - interval '1 minute' + make_interval(days => $12),
                starts.at, $7, $7, $8, $10, $11
         from office.venue,
              lateral (select (date_trunc('day', now() at time zone timezone)
                  + make_interval(days => $9, hours => 19)) at time zone timezone as at) as starts
         where venue.id = $4 on conflict (id) do nothing",
    )
    .bind(event.id)
    .bind(event.name)
    .bind(event.description)
    .bind(event.venue)
    .bind(Json(&event.tiers))
    .bind(Json(&event.plan))
    .bind(SEATS_MAX)
    .bind(hold_ttl_s)
    .bind(event.days_ahead)
    .bind(Json(&event.rules))
    .bind(Json(&event.codes))
    .bind(event.opens_in_days)
    .execute(&mut *db)
    .await?;
    for (position, artist) in event.artists.iter().enumerate() {
        sqlx::query(
            "insert into office.event_artist (event_id, artist_id, position)
             values ($1, $2, $3) on conflict do nothing",
        )
        .bind(event.id)
        .bind(artist)
        .bind(position as i32)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

fn section(id: &str, name: &str, rows: Vec<StoredRow>) -> StoredSection {
    StoredSection { id: id.into(), name: name.into(), rows, area: None }
}

/// A tier with its price in roubles.
fn tier(id: &str, name: &str, roubles: i64) -> TierRecord {
    TierRecord { id: id.into(), name: name.into(), price_minor: roubles * 100 }
}

/// A place on the drawing, in units, as the stored hundredths.
fn hundredths(units: f64) -> i32 {
    (units * 100.0).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_halls_can_be_sold_and_have_their_promised_size() {
        let sizes: Vec<_> = events()
            .iter()
            .map(|event| {
                let plan = event.plan.to_plan(&event.tiers).unwrap();
                plan.check().unwrap();
                (event.id, plan.seat_count())
            })
            .collect();
        let small = [("demo-open-air", 4_106), ("demo-club", 160)];
        assert_eq!(sizes, [[("demo-hall", 2_000), ("demo-arena", 20_000)], small].concat());
    }

    #[test]
    fn no_two_seats_are_drawn_on_top_of_each_other() {
        for event in events() {
            let mut places: Vec<_> = event
                .plan
                .sections
                .iter()
                .flat_map(|section| &section.rows)
                .flat_map(|row| &row.seats)
                .map(|seat| (seat.x, seat.y))
                .collect();
            places.sort_unstable();
            for (at, (x, y)) in places.iter().enumerate() {
                let near = places[at + 1..].iter().take_while(|(other, _)| other - x < 75);
                for (other_x, other_y) in near {
                    let (dx, dy) = (f64::from(other_x - x), f64::from(other_y - y));
                    assert!(dx.hypot(dy) >= 75.0, "{}: {x},{y} and {other_x},{other_y}", event.id);
                }
            }
        }
    }

    #[test]
    fn every_tier_is_used_and_some_seats_are_accessible() {
        for event in events() {
            let seats =
                || event.plan.sections.iter().flat_map(|s| &s.rows).flat_map(|row| &row.seats);
            assert!(seats().any(|seat| seat.accessible), "{}", event.id);
            let areas = || event.plan.sections.iter().filter_map(|section| section.area.as_ref());
            for tier in &event.tiers {
                let used = seats().any(|seat| seat.tier == tier.id)
                    || areas().any(|area| area.tier == tier.id);
                assert!(used, "{} {}", event.id, tier.id);
            }
        }
    }
}
