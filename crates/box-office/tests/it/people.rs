//! Accounts: registration, signing in, sessions, changes by code, what one bought, erasure.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Executor, Row};
use uuid::Uuid;

use crate::person::{PASSWORD, form};
use crate::support::{Shop, form as order_form, read};

#[tokio::test(flavor = "multi_thread")]
async fn one_registers_signs_in_by_any_name_and_buys() {
    let shop = Shop::open().await;
    let mut db = shop.with_tables().await;
    let anna = shop.person("anna.p", 1).await;
    for name in ["ANNA.P", "Anna.P@Example.org", "8 900 000 00 01", " anna.p "] {
        shop.login(name, PASSWORD).await.expect(200);
    }
    let me = shop.call(Method::GET, "/me", &anna.access, None).await.expect(200);
    let known = (anna.id.as_str(), "Петрова", anna.phone.as_str());
    assert_eq!((me.text("/id"), me.text("/surname"), me.text("/phone")), known);
    assert_eq!((me.text("/role"), &me.body["email_verified"]), ("user", &json!(false)));
    assert_eq!(me.headers["cache-control"], "private, no-store");
    assert!(me.headers["ratelimit"].to_str().is_ok_and(|text| text.starts_with("\"cabinet\";r=")));

    let hold = shop.hold(&[0, 1]).await;
    let place = |key: Uuid| {
        let request = shop.http.post(format!("{}/api/v1/orders", shop.office));
        let request = request.bearer_auth(&anna.access).json(&order_form(&hold.id));
        request.header("x-hold-token", &hold.token).header("idempotency-key", key.to_string())
    };
    let order = read(place(Uuid::now_v7())).await.expect(201);
    let path = format!("/orders/{}", order.text("/id"));
    // Bought signed in: no token is needed, and nobody else sees it.
    shop.call(Method::GET, &path, &anna.access, None).await.expect(200);
    let eve = shop.person("eve.b", 2).await;
    shop.call(Method::GET, &path, &eve.access, None).await.expect(404);
    shop.call(Method::GET, &path, "", None).await.expect(404);
    let orders = shop.call(Method::GET, "/me/orders", &anna.access, None).await.expect(200);
    assert_eq!(orders.text("/items/0/id"), order.text("/id"));
    let none = shop.call(Method::GET, "/me/orders?status=paid", &anna.access, None).await;
    assert_eq!(none.expect(200).body["items"], json!([]));
    for wrong in ["status=lost", "limit=0", "limit=101", "cursor=x", "colour=red"] {
        let path = format!("/me/orders?{wrong}");
        shop.call(Method::GET, &path, &anna.access, None).await.expect(400);
    }
    let id: inventory::OrderId = order.text("/id").parse().expect("an id");
    let known = shop.grid.order(id, crate::support::soon()).await.expect("the order").order;
    assert_eq!(known.buyer.map(|id| Uuid::from_u128(id).to_string()), Some(anna.id.clone()));
    assert_eq!(
        box_office::sealing::sealed_by(&known.contact).map(|id| id.to_string()),
        Some(anna.id)
    );
    let plain: i64 =
        sqlx::query("select count(*) from office.account where profile::text like '%anna%'")
            .fetch_one(&mut db)
            .await
            .expect("counted")
            .get(0);
    assert_eq!(plain, 0);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_who_has_an_account() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let anna = shop.person("anna", 1).await;
    let again = shop.register(&form("anna", 1)).await.expect(201);
    let fresh = shop.register(&form("boris", 2)).await.expect(201);
    let members = |body: &Value| {
        body.as_object().map(|body| body.keys().cloned().collect::<Vec<_>>()).expect("a document")
    };
    assert_eq!(members(&again.body), members(&fresh.body));
    assert_ne!(again.text("/id"), anna.id);
    assert!(shop.letter(&anna.email, 2).await.contains("belongs to an account already"));
    let (wrong, nobody) =
        (shop.login("anna", "wrong password").await, shop.login("nobody", "wrong password").await);
    let (wrong, nobody) = (wrong.expect(401), nobody.expect(401));
    assert_eq!((wrong.code(), nobody.code()), ("unauthenticated", "unauthenticated"));
    assert_eq!(wrong.body["detail"], nobody.body["detail"]);
    // The second registration changed nothing of the first.
    let other = json!({"password": "other password 12"});
    let mut twice = form("anna", 1);
    twice["password"] = other["password"].clone();
    shop.register(&twice).await.expect(201);
    shop.login("anna", "other password 12").await.expect(401);
    shop.login("anna", PASSWORD).await.expect(200);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_checked_field_by_field() {
    let shop = Shop::open().await;
    for (field, value) in [
        ("surname", json!("")),
        ("name", json!("x".repeat(101))),
        ("phone", json!("12")),
        ("email", json!("anna")),
        ("login", json!("9 lives")),
        ("password", json!("password1")),
        ("consents", json!([{"kind": "marketing", "version": "1"}])),
    ] {
        let mut wrong = form("anna", 1);
        wrong[field] = value;
        let refused = shop.register(&wrong).await.expect(400);
        assert_eq!(refused.code(), "invalid_request");
        assert_eq!(refused.text("/errors/0/pointer"), format!("/{field}"), "{}", refused.body);
    }
    let mut more = form("anna", 1);
    more["role"] = json!("administrator");
    shop.register(&more).await.expect(400);
    assert_eq!(shop.call(Method::GET, "/me", "", None).await.expect(401).code(), "unauthenticated");
    assert_eq!(
        shop.call(Method::GET, "/me", "x.y.z", None).await.expect(401).code(),
        "unauthenticated"
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_works_once_and_a_stolen_one_ends_the_session() {
    let shop = Shop::open().await;
    let anna = shop.person("anna", 1).await;
    let refresh = async |token: &str| {
        let form = json!({"refresh_token": token});
        shop.call(Method::POST, "/auth/refresh", "", Some(&form)).await
    };
    let next = refresh(&anna.refresh).await.expect(200);
    let (access, token) = (next.text("/access_token"), next.text("/refresh_token"));
    assert_ne!(token, anna.refresh);
    shop.call(Method::GET, "/me", access, None).await.expect(200);
    // An answer that was lost, or two tabs at once: the same token gets the same next one.
    let (one, other) = tokio::join!(refresh(&anna.refresh), refresh(&anna.refresh));
    for again in [one.expect(200), other.expect(200)] {
        assert_eq!(again.text("/refresh_token"), token);
    }
    let third = refresh(token).await.expect(200).text("/refresh_token").to_owned();
    // Once the next one was used, or later, the first is a thief's.
    let mut db = shop.database().await;
    sqlx::query("update office.refresh_token set used_at = used_at - interval '11 seconds'")
        .execute(&mut db)
        .await
        .expect("time passes");
    assert_eq!(refresh(token).await.expect(401).code(), "unauthenticated");
    refresh(&third).await.expect(401);
    shop.call(Method::GET, "/me", access, None).await.expect(401);
    refresh("nonsense").await.expect(401);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_refresh_token_ends_the_session_also_within_the_grace() {
    let shop = Shop::open().await;
    let anna = shop.person("anna", 1).await;
    let refresh = async |token: &str| {
        let form = json!({"refresh_token": token});
        shop.call(Method::POST, "/auth/refresh", "", Some(&form)).await
    };
    let second = refresh(&anna.refresh).await.expect(200).text("/refresh_token").to_owned();
    let third = refresh(&second).await.expect(200).text("/refresh_token").to_owned();
    refresh(&anna.refresh).await.expect(401);
    refresh(&third).await.expect(401);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_that_arrive_together_do_not_pass_together() {
    let shop = Shop::open().await;
    shop.person("anna", 1).await;
    let tries = (0..20).map(|_| shop.login("anna", "wrong password"));
    let answers = futures_util::future::join_all(tries).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    let resting = answers.iter().filter(|answer| answer.status == 429).count();
    assert!(looked_at <= 5, "{looked_at} were looked at, {resting} were not");
    shop.login("anna", PASSWORD).await.expect(429);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended() {
    let shop = Shop::open().await;
    let anna = shop.person("anna", 1).await;
    let eve = shop.person("eve", 2).await;
    let other = shop.login("anna", PASSWORD).await.expect(200);
    let other = other.text("/access_token").to_owned();
    let list = shop.call(Method::GET, "/me/sessions", &anna.access, None).await.expect(200);
    let items = list.body["items"].as_array().expect("a list").clone();
    assert_eq!(items.len(), 2);
    let elsewhere = items.iter().find(|item| item["current"] == false).expect("another");
    let path = format!("/me/sessions/{}", elsewhere["id"].as_str().expect("an id"));
    shop.call(Method::DELETE, &path, &eve.access, None).await.expect(404);
    shop.call(Method::DELETE, &path, &anna.access, None).await.expect(204);
    shop.call(Method::GET, "/me", &other, None).await.expect(401);
    shop.call(Method::POST, "/auth/logout", &anna.access, None).await.expect(204);
    shop.call(Method::GET, "/me", &anna.access, None).await.expect(401);
    let form = json!({"refresh_token": anna.refresh});
    shop.call(Method::POST, "/auth/refresh", "", Some(&form)).await.expect(401);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_stopped_for_everybody_alike() {
    let shop = Shop::open().await;
    let anna = shop.person("anna", 1).await;
    for name in ["anna", "nobody"] {
        for _ in 0..5 {
            shop.login(name, "wrong password").await.expect(401);
        }
        let locked = shop.login(name, PASSWORD).await.expect(429);
        assert_eq!(locked.code(), "rate_limited");
        let after: u64 = locked.headers["retry-after"].to_str().expect("text").parse().expect("s");
        assert!((1..=60).contains(&after), "{after}");
    }
    shop.call(Method::GET, "/me", &anna.access, None).await.expect(200);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_wrong_guesses_count() {
    let shop = Shop::open().await;
    let anna = shop.person("anna", 1).await;
    let mut db = shop.database().await;
    // What could not be looked at was no guess.
    db.execute("alter table office.account rename to account_away").await.expect("away");
    for _ in 0..6 {
        shop.login("anna", PASSWORD).await.expect(500);
    }
    db.execute("alter table office.account_away rename to account").await.expect("back");
    shop.login("anna", PASSWORD).await.expect(200);
    // A try that was turned away from everywhere does not count for its network either.
    shop.login("anna", "wrong password").await.expect(401);
    db.execute(
        "update office.guess set locked_until = now() + interval '1 hour'
         where last_at = (select max(last_at) from office.guess)",
    )
    .await
    .expect("locked from everywhere");
    for _ in 0..6 {
        shop.login("anna", PASSWORD).await.expect(429);
    }
    let near: i32 =
        sqlx::query_scalar("select failures from office.guess where locked_until is null")
            .fetch_one(&mut db)
            .await
            .expect("the network's count");
    assert_eq!(near, 1);
    // The present password, shown after many wrong ones and the rest: no other rest begins.
    db.execute("delete from office.guess").await.expect("forgotten");
    let change = async |current: &str, status: u16| {
        let form = json!({"current": current, "password": PASSWORD});
        shop.call(Method::POST, "/me/password", &anna.access, Some(&form)).await.expect(status);
    };
    change("wrong password", 400).await;
    db.execute("update office.guess set failures = 7").await.expect("six more, long ago");
    change(PASSWORD, 204).await;
    change(PASSWORD, 204).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_needs_its_cookie_and_our_page() {
    let shop = Shop::open().await;
    shop.person("anna", 1).await;
    let tokens = shop.login("anna", PASSWORD).await.expect(200);
    let lines: Vec<&str> =
        tokens.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[..2].iter().all(|line| line.contains("HttpOnly") && line.contains("SameSite=Lax"))
    );
    let cookies: Vec<&str> = lines.iter().filter_map(|line| line.split(';').next()).collect();
    let cookies = cookies.join("; ");
    let send = |method: Method, path: &str, csrf: Option<&str>, body: Value| {
        let request = shop.http.request(method, format!("{}/api/v1{path}", shop.office));
        let request = request.header("cookie", &cookies).json(&body);
        csrf.into_iter().fold(request, |request, csrf| request.header("x-csrf-token", csrf))
    };
    let name = json!({"name": "Аня"});
    read(shop.http.get(format!("{}/api/v1/me", shop.office)).header("cookie", &cookies))
        .await
        .expect(200);
    let forged = read(send(Method::PATCH, "/me", None, name.clone())).await.expect(403);
    assert_eq!(forged.code(), "csrf");
    let csrf = tokens.text("/csrf_token");
    let edited = read(send(Method::PATCH, "/me", Some(csrf), name)).await.expect(200);
    assert_eq!(edited.text("/name"), "Аня");
    read(send(Method::POST, "/auth/refresh", None, json!({}))).await.expect(403);
    read(send(Method::POST, "/auth/refresh", Some(csrf), json!({}))).await.expect(200);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_changed_by_the_code_sent_to_the_new_one() {
    // D46, D47, D48: a code works once and bears five tries, and the old address is told.
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let anna = shop.person("anna", 1).await;
    let confirm = async |change: &str, code: &str| {
        let path = format!("/me/changes/{change}/confirm");
        shop.call(Method::POST, &path, &anna.access, Some(&json!({"code": code}))).await
    };
    let first = shop.code(&anna.email, 1).await;
    let verified = confirm(&anna.verification, &first).await.expect(200);
    assert_eq!(verified.body["email_verified"], json!(true));
    assert_eq!(
        confirm(&anna.verification, &first).await.expect(400).text("/errors/0/pointer"),
        "/code"
    );

    let begin = async |field: &str, value: &str| {
        let form = json!({"field": field, "value": value});
        shop.call(Method::POST, "/me/changes", &anna.access, Some(&form)).await
    };
    let change = begin("email", "anna@new.example.org").await.expect(201);
    let code = shop.code("anna@new.example.org", 1).await;
    let me = shop.call(Method::GET, "/me", &anna.access, None).await.expect(200);
    assert_eq!(me.text("/email"), anna.email, "not before the code");
    let changed = confirm(change.text("/id"), &code).await.expect(200);
    assert_eq!(changed.text("/email"), "anna@new.example.org");
    assert!(shop.letter(&anna.email, 2).await.contains("was changed"), "the old address is told");
    shop.login("anna@new.example.org", PASSWORD).await.expect(200);
    shop.login(&anna.email, PASSWORD).await.expect(401);

    // By text message to a number; five guesses end a code.
    let change = begin("phone", "+79001112233").await.expect(201);
    let code = shop.code("+79001112233", 1).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        confirm(change.text("/id"), wrong).await.expect(400);
    }
    confirm(change.text("/id"), &code).await.expect(400);

    // What somebody has shown to be theirs is nobody else's.
    let eve = shop.person("eve", 2).await;
    let form = json!({"field": "email", "value": "anna@new.example.org"});
    let change = shop.call(Method::POST, "/me/changes", &eve.access, Some(&form)).await.expect(201);
    let code = shop.code("anna@new.example.org", 2).await;
    let path = format!("/me/changes/{}/confirm", change.text("/id"));
    let taken = shop.call(Method::POST, &path, &eve.access, Some(&json!({"code": code}))).await;
    assert_eq!(taken.expect(409).code(), "taken");
    begin("email", "no address").await.expect(400);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_that_are_confirmed_at_once_both_last() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let anna = shop.person("anna", 1).await;
    for round in 1..=4 {
        let (email, phone) = (format!("a{round}@new.example.org"), format!("+7901555000{round}"));
        let prepare = async |field: &str, value: &str| {
            let form = json!({"field": field, "value": value});
            let made = shop.call(Method::POST, "/me/changes", &anna.access, Some(&form)).await;
            let path = format!("/me/changes/{}/confirm", made.expect(201).text("/id"));
            (path, json!({"code": shop.code(value, 1).await}))
        };
        let (one, other) = (prepare("email", &email).await, prepare("phone", &phone).await);
        let confirm = async |(path, code): &(String, Value)| {
            shop.call(Method::POST, path, &anna.access, Some(code)).await.expect(200)
        };
        tokio::join!(confirm(&one), confirm(&other));
        let me = shop.call(Method::GET, "/me", &anna.access, None).await.expect(200);
        assert_eq!((me.text("/email"), me.text("/phone")), (email.as_str(), phone.as_str()));
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_signs_in_and_is_staff() {
    let shop = Shop::open().await;
    let admin = shop.login("admin", "first password").await.expect(200);
    assert_eq!(admin.text("/role"), "administrator");
    let access = admin.text("/access_token");
    shop.call(Method::GET, "/admin/events/demo-hall", access, None).await.expect(200);
    let anna = shop.person("anna", 1).await;
    let refused = shop.call(Method::GET, "/admin/events/demo-hall", &anna.access, None).await;
    assert_eq!(refused.expect(403).code(), "forbidden");
    let nobody = shop.call(Method::GET, "/admin/events/demo-hall", "", None).await;
    assert_eq!(nobody.expect(401).code(), "unauthenticated");
    let path = format!("/admin/accounts/{}/role", anna.id);
    let role = json!({"role": "organiser"});
    shop.call(Method::PUT, &path, &anna.access, Some(&role)).await.expect(403);
    shop.call(Method::PUT, &path, access, Some(&role)).await.expect(204);
    // The database's word counts, also beside a token that is older.
    shop.call(Method::GET, "/admin/events/demo-hall", &anna.access, None).await.expect(200);

    let secret = shop.call(Method::POST, "/me/second-factor", access, None).await.expect(201);
    assert!(secret.text("/otpauth_url").contains(secret.text("/secret")));
    let wrong = json!({"code": "12345"});
    let path = "/me/second-factor/confirm";
    shop.call(Method::POST, path, access, Some(&wrong)).await.expect(400);
    shop.login("admin", "first password").await.expect(200);
    let mut db = shop.database().await;
    sqlx::query("update office.account set totp_since = now() where totp is not null")
        .execute(&mut db)
        .await
        .expect("as if confirmed");
    let half = shop.login("admin", "first password").await.expect(401);
    assert_eq!(half.body["second_factor"], json!(true));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_or_set_anew_and_other_sessions_end() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let anna = shop.person("anna", 1).await;
    shop.code(&anna.email, 1).await;
    let other = shop.login("anna", PASSWORD).await.expect(200);
    let change = async |current: &str, password: &str| {
        let form = json!({"current": current, "password": password});
        shop.call(Method::POST, "/me/password", &anna.access, Some(&form)).await
    };
    let wrong = change("not the password", "кот на подоконнике 9").await.expect(400);
    assert_eq!(wrong.text("/errors/0/pointer"), "/current");
    let weak = change(PASSWORD, "password1").await.expect(400);
    assert_eq!(weak.text("/errors/0/pointer"), "/password");
    change(PASSWORD, "кот на подоконнике 9").await.expect(204);
    shop.call(Method::GET, "/me", other.text("/access_token"), None).await.expect(401);
    shop.call(Method::GET, "/me", &anna.access, None).await.expect(200);
    shop.login("anna", PASSWORD).await.expect(401);

    let forget = async |name: &str| {
        let form = json!({"identifier": name});
        shop.call(Method::POST, "/auth/reset", "", Some(&form)).await.expect(202)
    };
    let (nobody, reset) = (forget("nobody").await, forget("anna").await);
    assert_eq!(nobody.body["field"], reset.body["field"]);
    let code = shop.code(&anna.email, 2).await;
    let set = async |id: &str, code: &str| {
        let form = json!({"code": code, "password": "жук на листе 31"});
        let path = format!("/auth/reset/{id}/confirm");
        shop.call(Method::POST, &path, "", Some(&form)).await
    };
    set(nobody.text("/id"), &code).await.expect(400);
    set(reset.text("/id"), "nonsense").await.expect(400);
    set(reset.text("/id"), &code).await.expect(204);
    set(reset.text("/id"), &code).await.expect(400);
    shop.call(Method::GET, "/me", &anna.access, None).await.expect(401);
    shop.login("anna", "жук на листе 31").await.expect(200);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_order_is_taken_over_by_who_shows_its_address() {
    // D45.
    let mut shop = Shop::open().await;
    let mut db = shop.with_tables().await;
    shop.start_worker(|_| {});
    // The guest's address is the one of the order's form.
    let mut anna = form("anna", 1);
    anna["email"] = json!("anna@example.org");
    let made = shop.register(&anna).await.expect(201);
    let access = shop.login("anna", PASSWORD).await.expect(200).text("/access_token").to_owned();
    let order = shop.order(&shop.hold(&[3]).await).await;
    let claim = json!({"order_id": order.id});
    let early = shop.call(Method::POST, "/me/claims", &access, Some(&claim)).await;
    assert_eq!(early.expect(404).code(), "order_not_found", "nothing was shown yet");
    let code = json!({"code": shop.code("anna@example.org", 1).await});
    let path = format!("/me/changes/{}/confirm", made.text("/verification/id"));
    shop.call(Method::POST, &path, &access, Some(&code)).await.expect(200);
    shop.call(Method::POST, "/me/claims", &access, Some(&claim)).await.expect(200);
    let path = format!("/orders/{}", order.id);
    shop.call(Method::GET, &path, &access, None).await.expect(200);
    let eve = shop.person("eve", 2).await;
    shop.call(Method::POST, "/me/claims", &eve.access, Some(&claim)).await.expect(404);
    shop.call(Method::GET, &path, &eve.access, None).await.expect(404);

    // A notice about the order is a letter to its address, once.
    let id: inventory::OrderId = order.id.parse().expect("an id");
    let known = shop.grid.order(id, crate::support::soon()).await.expect("the order").order;
    let hold = inventory::HoldId { event: id.event, no: known.hold };
    sqlx::query(
        "insert into office.notice (about, event_id, kind, facts, contact, sealed_to, once, at)
         values ($1, 'demo-hall', 'seats_moved', '{\"seats\":[\"A-1-2\"]}', $2, $3, 'once', now())",
    )
    .bind(&order.id)
    .bind(&known.contact)
    .bind(format!("hold:{hold}"))
    .execute(&mut db)
    .await
    .expect("a notice");
    let letter = shop.letter("anna@example.org", 2).await;
    assert!(letter.contains("your seats were moved") && letter.contains("A-1-2"), "{letter}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_found_nowhere() {
    // D49.
    let mut shop = Shop::open().await;
    let mut db = shop.with_tables().await;
    shop.start_worker(|_| {});
    let anna = shop.person("anna.erased", 7).await;
    shop.code(&anna.email, 1).await;
    let export = shop.call(Method::GET, "/me/export", &anna.access, None).await.expect(200);
    assert_eq!(export.text("/me/login"), "anna.erased");
    assert_eq!(export.text("/consents/0/version"), "2026-11");
    assert_eq!(export.text("/accesses/0/purpose"), "export");
    shop.call(Method::DELETE, "/me", &anna.access, None).await.expect(204);
    shop.call(Method::GET, "/me", &anna.access, None).await.expect(401);
    shop.login("anna.erased", PASSWORD).await.expect(401);
    let kept: Option<Vec<u8>> = sqlx::query_scalar(
        "select coalesce(person_key, profile, login_hash, email_hash, phone_hash)
             from office.account where id = $1",
    )
    .bind(Uuid::parse_str(&anna.id).expect("an id"))
    .fetch_one(&mut db)
    .await
    .expect("the row stays");
    assert_eq!(kept, None, "no key, no data, no digest");
    // The login is free again.
    shop.register(&form("anna.erased", 7)).await.expect(201);
    shop.login("anna.erased", PASSWORD).await.expect(200);
    shop.close().await;
}
