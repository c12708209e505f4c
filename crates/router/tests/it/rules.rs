//! The rules of a sale through HTTP: areas, wheelchairs, codes, limits, fees, swaps, more time.

use std::sync::Arc;

use http::Method;
use http_api::code_hash;
use inventory::{
    Code, CodeKind, Command, Discount, EventNo, Extension, Fee, GuestIdentity, HoldBudget, Plan,
    PutCodes, ReplacePlan, Sale, SaleRules, Section,
};
use serde_json::{Value, json};

use crate::client::{Answer, Client, key, until};
use crate::hall::{self, plan};
use crate::system::System;

const HOLDS: &str = "/api/v1/events/club/holds";

/// The hall with a dance floor of eight places, and companion seats beside the wheelchairs'.
fn club() -> Plan {
    let mut plan = plan();
    plan.sections.push(Section::area("floor", "Dance floor", 8, 2));
    for row in &mut plan.sections[0].rows {
        let last = row.seats.len() - 1;
        row.seats[last - 1].companion = true;
    }
    plan
}

/// No hold of these tests ends by itself.
const LONG_MS: u32 = 1_800_000;
/// Long enough for a dozen requests on a slow machine, short enough to wait for.
const SHORT_MS: u32 = 10_000;

async fn start(rules: SaleRules) -> (System, Client) {
    start_with(rules, LONG_MS).await
}

async fn start_with(rules: SaleRules, hold_ttl_ms: u32) -> (System, Client) {
    let system = System::start().await;
    let lasting = |sale: &mut Sale| sale.hold_ttl_ms = hold_ttl_ms;
    system.run("club", |no| vec![hall::open_with(no, "club", (rules, club()), lasting)]).await;
    let client = system.client();
    (system, client)
}

async fn hold(client: &Client, body: Value) -> Answer {
    client.post(HOLDS, &key(), &body).await
}

/// Holds as the shopper whose token this is.
async fn hold_as(client: &Client, token: &str, body: Value) -> Answer {
    let key = key();
    let headers =
        [("content-type", "application/json"), ("idempotency-key", &key), ("x-hold-token", token)];
    client.send(Method::POST, HOLDS, &headers, body.to_string().as_bytes()).await
}

fn text(answer: &Answer, member: &str) -> String {
    answer.json()[member].as_str().unwrap_or_else(|| panic!("no {member}: {answer:?}")).to_owned()
}

async fn change(client: &Client, held: &Answer, extra: &[(&str, &str)], body: Value) -> Answer {
    let token = text(held, "token");
    let mut headers = vec![("content-type", "application/json"), ("x-hold-token", token.as_str())];
    headers.extend_from_slice(extra);
    let path = format!("/api/v1/holds/{}", text(held, "id"));
    client.send(Method::PATCH, &path, &headers, body.to_string().as_bytes()).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let seats = answer.json()["seats"].as_array().expect("seats").clone();
    seats.iter().map(|seat| seat["id"].as_str().expect("an id").to_owned()).collect()
}

fn code(answer: &Answer) -> String {
    answer.problem().1
}

#[tokio::test]
async fn places_of_an_area_are_held_by_quantity() {
    // D24, A4.
    let (_system, client) = start(SaleRules::default()).await;
    let told = client.get("/api/v1/events/club/plan", &[]).await.json();
    let floor = json!({"id": "floor", "name": "Dance floor", "kind": "area", "capacity": 8,
        "tier": "side"});
    assert_eq!(told["sections"][2], floor);
    let two = hold(&client, json!({"area": {"id": "floor", "quantity": 2}})).await;
    assert_eq!(two.status, 201, "{two:?}");
    assert_eq!(ids(&two), ["floor-1-1", "floor-1-2"]);
    assert_eq!(two.json()["total"]["value"], "1999.00");
    let six = json!({"area": {"id": "floor", "quantity": 6}});
    assert_eq!(hold(&client, six.clone()).await.status, 201);
    assert_eq!(
        code(&hold(&client, json!({"area": {"id": "floor", "quantity": 1}})).await),
        "not_enough_seats"
    );
    let named = hold(&client, json!({"seats": ["A-1-1", "floor-1-3"]})).await;
    assert_eq!(code(&named), "invalid_request");
    assert_eq!(named.json()["errors"][0]["pointer"], "/seats/1");
    let fewer = change(&client, &two, &[], json!({"area": {"id": "floor", "quantity": 1}})).await;
    assert_eq!((fewer.status.as_u16(), ids(&fewer)), (200, vec!["floor-1-1".to_owned()]));
    assert_eq!(hold(&client, json!({"area": {"id": "floor", "quantity": 1}})).await.status, 201);
}

#[tokio::test]
async fn wheelchairs_come_with_their_companions() {
    // D27, D29.
    let (_system, client) = start(SaleRules::default()).await;
    let alone = hold(&client, json!({"seats": ["A-1-9"]})).await;
    assert_eq!(code(&alone), "companion_alone");
    let best = json!({"best": {"number": 2, "accessible_seats": 1, "sections": ["A"]}});
    let both = hold(&client, best.clone()).await;
    assert_eq!(
        (ids(&both), &both.json()["step"]),
        (vec!["A-1-9".into(), "A-1-10".into()], &json!("adjacent"))
    );
    assert_eq!(ids(&hold(&client, best.clone()).await), ["A-2-9", "A-2-10"]);
    assert_eq!(code(&hold(&client, best).await), "not_enough_seats");
}

#[tokio::test]
async fn together_or_not_at_all() {
    let (_system, client) = start(SaleRules::default()).await;
    for seats in [["B-1-2", "B-1-4"], ["A-1-2", "A-1-5"]] {
        assert_eq!(hold(&client, json!({"seats": seats})).await.status, 201);
    }
    let wish =
        |together: bool| json!({"best": {"number": 2, "sections": ["B"], "together": together}});
    assert_eq!(hold(&client, wish(true)).await.problem(), (409, "not_enough_adjacent".to_owned()));
    let split = hold(&client, wish(false)).await.json();
    assert_eq!((&split["step"], &split["next_to_each_other"]), (&json!("split"), &json!(false)));
}

fn codes(event: EventNo) -> Command {
    let code = |text: &str, kind, seats_max| Code {
        hash: code_hash("club", text),
        kind,
        from_ms: 0,
        until_ms: 3_900_000_000_000,
        tiers: vec![0],
        seats_max,
        budget_minor: None,
    };
    let ten = CodeKind::Promo(Discount { per_seat_minor: 0, basis_points: 1_000 });
    Command::PutCodes(PutCodes {
        event,
        codes: vec![code("SPRING", ten, Some(3)), code("FANCLUB", CodeKind::Presale, None)],
    })
}

#[tokio::test]
async fn codes_make_cheaper_and_open_early() {
    // A8, A9; fees are in the total from the first page.
    let fee = Fee { per_seat_minor: 5_000, basis_points: 0 };
    let (system, client) = start(SaleRules { fee, ..SaleRules::default() }).await;
    system.run("club", |no| vec![codes(no)]).await;
    let with = |seat: &str, code: &str| json!({"seats": [seat], "promo_code": code});
    let cheaper = hold(&client, with("A-1-1", " spring ")).await.json();
    assert_eq!(cheaper["seats"][0]["price"]["value"], "4500.00");
    assert_eq!(
        (&cheaper["fees"]["value"], &cheaper["total"]["value"]),
        (&json!("50.00"), &json!("4550.00"))
    );
    assert_eq!(code(&hold(&client, with("A-1-2", "AUTUMN")).await), "code_invalid");
    assert_eq!(code(&hold(&client, with("B-1-1", "SPRING")).await), "code_invalid", "another tier");
    assert_eq!(
        code(&hold(&client, with("A-1-2", "FANCLUB")).await),
        "code_invalid",
        "no promo code"
    );
    let three = json!({"seats": ["A-1-2", "A-1-3", "A-1-4"], "promo_code": "SPRING"});
    assert_eq!(code(&hold(&client, three).await), "code_used_up");

    let later = |no| {
        vec![hall::open_with(no, "later", (SaleRules::default(), club()), |sale| {
            sale.opens_at_ms = 3_800_000_000_000;
        })]
    };
    system.run("later", later).await;
    let hash = |text| code_hash("later", text);
    let presale = Code {
        hash: hash("FANCLUB"),
        kind: CodeKind::Presale,
        from_ms: 0,
        until_ms: 3_800_000_000_000,
        tiers: vec![0],
        seats_max: Some(1),
        budget_minor: None,
    };
    system
        .run("later", |event| vec![Command::PutCodes(PutCodes { event, codes: vec![presale] })])
        .await;
    let early = async |body: Value| client.post("/api/v1/events/later/holds", &key(), &body).await;
    assert_eq!(code(&early(json!({"seats": ["A-1-1"]})).await), "sale_not_open");
    let fan = |seat: &str| json!({"seats": [seat], "presale_code": "fanclub"});
    assert_eq!(code(&early(fan("B-1-1")).await), "code_invalid", "another tier");
    assert_eq!(early(fan("A-1-1")).await.status, 201);
    assert_eq!(code(&early(fan("A-1-2")).await), "code_used_up");
}

/// How many of 50 single seats, asked for at once under different keys, one person gets.
async fn crowd_of_one(client: &Client, token: Option<&str>) -> usize {
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (client, token) = (client.clone(), token.map(str::to_owned));
        tries.spawn(async move {
            let one = json!({"best": {"number": 1}});
            match token {
                Some(token) => hold_as(&client, &token, one).await,
                None => hold(&client, one).await,
            }
        });
    }
    let mut got = 0;
    while let Some(answer) = tries.join_next().await {
        let answer = answer.expect("no panic");
        if answer.status == 201 {
            got += 1;
        } else {
            assert_eq!(answer.problem(), (409, "limit_per_person".to_owned()));
            assert_eq!(
                (&answer.json()["scope"], &answer.json()["limit"]),
                (&json!("person"), &json!(4))
            );
        }
    }
    got
}

#[tokio::test]
async fn fifty_at_once_under_different_keys_get_the_limit_exactly() {
    // A7, D41: by address, two routers, no token.
    let rules = SaleRules {
        per_person_max: Some(4),
        guests: GuestIdentity::Address,
        ..SaleRules::default()
    };
    let (system, client) = start(rules).await;
    let other = system.second_router().await;
    let (a, b) = tokio::join!(crowd_of_one(&client, None), crowd_of_one(&other, None));
    assert_eq!(a + b, 4);
}

#[tokio::test]
async fn whoever_shows_a_token_is_the_same_person() {
    // D41, D42, D43: by token; a retry counts once, what is given back does not count.
    let rules = SaleRules { per_person_max: Some(4), ..SaleRules::default() };
    let (_system, client) = start(rules).await;
    let key = key();
    let body = json!({"seats": ["A-1-1"]});
    let first = client.post(HOLDS, &key, &body).await;
    assert_eq!(client.post(HOLDS, &key, &body).await.json(), first.json(), "the same guest");
    let token = text(&first, "token");
    assert_eq!(crowd_of_one(&client, Some(&token)).await, 3);
    let mine = hold_as(&client, &token, json!({"seats": ["B-1-1"]})).await;
    assert_eq!(code(&mine), "limit_per_person");
    let path = format!("/api/v1/holds/{}", text(&first, "id"));
    client.send(Method::DELETE, &path, &[("x-hold-token", &token)], b"").await;
    let again = hold_as(&client, &token, json!({"seats": ["B-1-1"]})).await;
    assert_eq!(again.status, 201, "given back");
    assert_eq!(hold(&client, json!({"seats": ["B-1-2"]})).await.status, 201, "somebody else");
}

#[tokio::test]
async fn cycling_holds_has_a_budget() {
    // D36.
    let hold_budget = Some(HoldBudget { holds_max: 2, cool_down_ms: 3_600_000 });
    let (_system, client) = start(SaleRules { hold_budget, ..SaleRules::default() }).await;
    let first = hold(&client, json!({"seats": ["A-1-1"]})).await;
    let token = text(&first, "token");
    assert_eq!(hold_as(&client, &token, json!({"seats": ["A-1-2"]})).await.status, 201);
    let third = hold_as(&client, &token, json!({"seats": ["A-1-3"]})).await;
    assert_eq!(third.problem(), (429, "rate_limited".to_owned()));
    assert!(!third.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_hold_is_swapped_extended_and_expires_between_two_clicks() {
    // D30, D36, D37, D40.
    let extension = Some(Extension { by_ms: 2_000, times_max: 1 });
    let rules = SaleRules { extension, ..SaleRules::default() };
    let (_system, client) = start_with(rules, SHORT_MS).await;
    let held = hold(&client, json!({"seats": ["A-1-1", "A-1-2"]})).await;
    assert_eq!(held.json()["extensions_left"], 1);
    let taken = hold(&client, json!({"seats": ["A-2-1"]})).await;
    let lost = change(&client, &held, &[], json!({"seats": ["A-1-2", "A-2-1"]})).await;
    assert_eq!(lost.problem(), (409, "seat_taken".to_owned()));
    assert_eq!(lost.json()["seats"], json!([{"id": "A-2-1", "status": "held"}]));
    let swapped = change(&client, &held, &[], json!({"seats": ["A-1-2", "A-1-3"]})).await;
    assert_eq!(
        (swapped.status.as_u16(), ids(&swapped)),
        (200, vec!["A-1-2".into(), "A-1-3".into()])
    );
    assert_eq!(hold(&client, json!({"seats": ["A-1-1"]})).await.status, 201, "free again at once");
    let key = key();
    let keyed = [("idempotency-key", key.as_str())];
    let wish = json!({"best": {"number": 3, "sections": ["B"]}});
    let best = change(&client, &held, &keyed, wish.clone()).await;
    assert_eq!(best.json()["step"], "adjacent_no_orphan");
    // Told again as it was, though the hold has other seats by now.
    change(&client, &held, &[], json!({"seats": ["A-1-2"]})).await;
    let told = change(&client, &held, &keyed, wish).await;
    assert_eq!(told.header("idempotent-replayed"), "true");
    assert_eq!((ids(&told), &told.json()["version"]), (ids(&best), &best.json()["version"]));

    let key = crate::client::key();
    let keyed = [("idempotency-key", key.as_str())];
    let more = change(&client, &held, &keyed, json!({"extend": true})).await;
    assert_eq!((more.status.as_u16(), &more.json()["extensions_left"]), (200, &json!(0)));
    let again = change(&client, &held, &keyed, json!({"extend": true})).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.json()["expires_at"], more.json()["expires_at"]);
    assert!(text(&more, "expires_at") > text(&held, "expires_at"));
    let third = change(&client, &held, &[], json!({"extend": true})).await;
    assert_eq!(third.problem(), (409, "extension_not_allowed".to_owned()));

    for wrong in [json!({}), json!({"extend": false}), json!({"extend": true, "seats": ["A-1-1"]})]
    {
        assert_eq!(code(&change(&client, &held, &[], wrong).await), "invalid_request");
    }
    let gone = until("it expires", async || {
        let answer = change(&client, &taken, &[], json!({"seats": ["A-2-2"]})).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(gone.problem(), (410, "hold_expired".to_owned()));
    let extended = change(&client, &taken, &[], json!({"extend": true})).await;
    assert_eq!(extended.problem(), (410, "hold_expired".to_owned()));
}

#[tokio::test]
async fn a_replaced_plan_is_noticed_by_the_next_hold() {
    // D32: the old prices are never sold under the new plan, nor is the shopper sent away.
    let (system, client) = start(SaleRules::default()).await;
    let held = hold(&client, json!({"seats": ["B-1-1"]})).await;
    let mut plan = club();
    (plan.version, plan.tiers[2].price_minor) = (2, 120_000);
    let plan = Arc::new(plan);
    let replace =
        |event| vec![Command::ReplacePlan(ReplacePlan { event, plan: Plan::clone(&plan) })];
    system.run("club", replace).await;
    let next = hold(&client, json!({"seats": ["B-1-2"]})).await;
    assert_eq!((next.status.as_u16(), &next.json()["total"]["value"]), (201, &json!("1200.00")));
    assert_eq!(held.json()["total"]["value"], "999.50");
    let told = client.get("/api/v1/events/club/plan", &[]).await.json();
    assert_eq!(told["version"], 2);
}
