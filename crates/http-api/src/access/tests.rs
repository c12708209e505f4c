//! Tokens that are believed and those that are not; cookies with and without TLS.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, Method};
use uuid::Uuid;

use super::{ACCESS_TTL_S, Access, BASE64, Claims, Role};
use crate::time::now_ms;
use crate::{Code, X_CSRF_TOKEN};
use base64::Engine;

fn claims() -> Claims {
    Claims::now(Uuid::now_v7(), Uuid::now_v7(), Role::User, "key".into())
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&'static str, &str)| {
        (http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("visible"))
    };
    lines.iter().map(line).collect()
}

#[test]
fn a_token_says_what_it_was_issued_for_until_it_ends() {
    let (access, claims) = (Access::new(&[[7; 32]], false), claims());
    let token = access.issue(&claims).expect("a key");
    assert_eq!(access.verify(&token, claims.iat), Some(claims.clone()));
    assert_eq!(access.verify(&token, claims.iat + ACCESS_TTL_S), None, "it has ended");
    assert_eq!(access.verify(&token, claims.iat - 60), None, "it was not issued yet");
}

#[test]
fn keys_rotate_by_their_ids() {
    let (old, new) = (Access::new(&[[1; 32]], false), Access::new(&[[2; 32], [1; 32]], false));
    let (claims, now_s) = (claims(), now_ms() / 1_000);
    let before = old.issue(&claims).expect("a key");
    assert!(new.verify(&before, now_s).is_some());
    let after = new.issue(&claims).expect("a key");
    assert!(old.verify(&after, now_s).is_none() && new.verify(&after, now_s).is_some());
    assert_eq!(Access::default().issue(&claims), None);
    assert!(!Access::default().is_on());
}

#[test]
fn nothing_but_our_own_signature_counts() {
    let (access, claims) = (Access::new(&[[7; 32]], false), claims());
    let token = access.issue(&claims).expect("a key");
    let now_s = claims.iat;
    let (signed, _) = token.rsplit_once('.').expect("a tag");
    let (head, body) = signed.split_once('.').expect("two parts");
    let part = |text: &str| BASE64.encode(text);
    let kid = String::from_utf8(BASE64.decode(head).expect("base64")).expect("text");
    let unsigned = kid.replace("HS256", "none");
    let raised = String::from_utf8(BASE64.decode(body).expect("base64")).expect("text");
    let raised = raised.replace("\"user\"", "\"administrator\"");
    for forged in [
        format!("{}.{body}.", part(&unsigned)),
        format!("{head}.{}.{}", part(&raised), token.rsplit_once('.').expect("a tag").1),
        format!("{signed}."),
        signed.to_owned(),
        token[..token.len() - 2].to_owned(),
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(5_000),
    ] {
        assert_eq!(access.verify(&forged, now_s), None, "{forged}");
    }
    assert!(Access::new(&[[8; 32]], false).verify(&token, now_s).is_none(), "another's key");
}

#[test]
fn a_bearer_needs_no_more_and_a_cookie_needs_our_page() {
    let (access, claims) = (Access::new(&[[7; 32]], true), claims());
    let token = access.issue(&claims).expect("a key");
    let by_bearer = headers(&[("authorization", &format!("bearer {token}"))]);
    assert_eq!(access.signed_in(&Method::POST, &by_bearer), Ok(Some(claims.clone())));
    let wrong = headers(&[("authorization", "Bearer nonsense")]);
    let problem = access.signed_in(&Method::GET, &wrong).expect_err("not ours");
    assert_eq!(problem.code(), Code::Unauthenticated);

    let line = format!("a=b; __Host-seatgrid_access={token}");
    let mut by_cookie = headers(&[("cookie", &line)]);
    assert_eq!(access.signed_in(&Method::GET, &by_cookie), Ok(Some(claims.clone())));
    let problem = access.signed_in(&Method::POST, &by_cookie).expect_err("a forged request");
    assert_eq!(problem.code(), Code::Csrf);
    let csrf = access.csrf_token(claims.session);
    by_cookie.insert(X_CSRF_TOKEN, HeaderValue::from_str(&csrf).expect("visible"));
    assert_eq!(access.signed_in(&Method::POST, &by_cookie), Ok(Some(claims)));
    let other = access.csrf_token(Uuid::now_v7());
    by_cookie.insert(X_CSRF_TOKEN, HeaderValue::from_str(&other).expect("visible"));
    assert!(access.signed_in(&Method::POST, &by_cookie).is_err(), "another session's");

    by_cookie.insert(COOKIE, HeaderValue::from_static("__Host-seatgrid_access=stale"));
    assert_eq!(access.signed_in(&Method::GET, &by_cookie), Ok(None));
    let plain = headers(&[("cookie", &format!("seatgrid_access={token}"))]);
    assert_eq!(access.signed_in(&Method::GET, &plain), Ok(None), "a name that others can set");
    assert_eq!(access.signed_in(&Method::GET, &HeaderMap::new()), Ok(None));
}

#[test]
fn cookies_are_hidden_and_bound_to_the_host() {
    let lines = |is_https| {
        let names = super::CookieNames::new(is_https);
        names.set(("a", 600), ("r", 1_000), "c").map(|line| line.to_str().expect("text").to_owned())
    };
    let [access, refresh, csrf] = lines(true);
    assert_eq!(
        access,
        "__Host-seatgrid_access=a; Path=/; Max-Age=600; SameSite=Lax; Secure; HttpOnly"
    );
    assert!(refresh.starts_with("__Host-seatgrid_refresh=r; ") && refresh.ends_with("HttpOnly"));
    assert!(!csrf.contains("HttpOnly"), "a page reads it");
    assert_eq!(lines(false)[0], "seatgrid_access=a; Path=/; Max-Age=600; SameSite=Lax; HttpOnly");
}
