//! Terms and codes of the catalogue arrive in the grid, and a window edited there moves.

use std::time::Instant;

use inventory::{
    Actor, Best, Choice, Command, Envelope, EventNo, GuestIdentity, HoldSeats, Outcome, Refusal,
    SectionKind,
};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::support::{PATIENCE, Shop, until};

async fn hold(shop: &Shop, no: EventNo, of: (Choice, Option<u128>)) -> Outcome {
    let (choice, promo) = of;
    let wish = HoldSeats { promo, ..HoldSeats::of(no, 1, choice) };
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command: Command::Hold(wish) };
    let deadline = Instant::now() + PATIENCE;
    shop.grid.command(no, &envelope, deadline).await.expect("an answer").outcome
}

fn one() -> Choice {
    Choice::Best(Best { number: 1, ..Best::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_the_catalogue_can_use_every_rule() {
    let shop = Shop::open().await;
    let event = json!({
        "id": "club-night", "per_person_max": 4,
        "tiers": [{"id": "floor", "name": "Floor", "price_minor": 100_000}],
        "plan": {"version": 1, "sections": [
            {"id": "F", "name": "Floor", "area": {"capacity": 300, "tier": "floor"}},
            {"id": "B", "name": "Balcony", "rows": [{"label": "1", "seats": [
                {"number": "1", "tier": "floor", "x": 0, "y": 0},
                {"number": "2", "tier": "floor", "x": 100, "y": 0}]}]}]},
        "rules": {"guests": "address", "hold_budget": {"holds_max": 9, "cool_down_s": 600},
            "extension": {"by_s": 60, "times_max": 2},
            "fee": {"per_seat_minor": 5_000, "basis_points": 500},
            "offer_ttl_s": 600, "waitlist_ttl_s": 300},
        "codes": [{"code": "Spring", "kind": "promo", "basis_points": 1_000, "from_ms": 0,
            "until_ms": 4_000_000_000_000_u64}],
    });
    let no = shop.publish(event).await;
    let open = shop.grid.plan(no, Instant::now() + PATIENCE).await.expect("open");
    let rules = open.sale.rules;
    assert_eq!((rules.per_person_max, rules.guests), (Some(4), GuestIdentity::Address));
    assert_eq!((rules.offer_ttl_ms, rules.waitlist_ttl_ms), (Some(600_000), Some(300_000)));
    assert_eq!(open.plan.sections[0].kind, SectionKind::Area);
    let told = shop.get("/api/v1/events/club-night", "").await.expect(200);
    assert_eq!(told.text("/fee/per_seat/value"), "50.00");
    assert_eq!(
        (&told.body["waiting_list"], &told.body["limits"]["extensions"]),
        (&json!(true), &json!(2))
    );

    let spring = Some(http_api::code_hash("club-night", "SPRING"));
    let held =
        until("the code is known", async || match hold(&shop, open.event, (one(), spring)).await {
            Outcome::Held(held) => Some(held),
            other => {
                assert_eq!(other, Outcome::Refused(Refusal::CodeUnknown));
                None
            }
        })
        .await;
    // 1,000.00 less a tenth, and 50.00 with a twentieth of that on it.
    assert_eq!(held.total_minor, 90_000 + 5_000 + 4_500);

    let url = shop.database.as_ref().expect("a database of its own").url().to_owned();
    let mut db = PgConnection::connect(&url).await.expect("connected");
    let later = "update office.event set sale_opens_at = now() + interval '1 hour',
        sale_closes_at = now() + interval '2 hours' where id = 'club-night'";
    sqlx::query(later).execute(&mut db).await.expect("edited");
    until("the window has moved", async || {
        let outcome = hold(&shop, open.event, (one(), None)).await;
        matches!(outcome, Outcome::Refused(Refusal::SaleNotOpen { .. })).then_some(())
    })
    .await;
    db.close().await.expect("closed");
    shop.close().await;
}
