//! The payment page as a browser gets it: both languages, strict policy, escaping, forms.

use payments::{CreatePayment, PaymentProvider, PaymentStatus, sandbox::Outcome};
use serde_json::json;

use crate::harness::{Stand, wish};

async fn page(stand: &Stand, url: &str, language: &str) -> (reqwest::StatusCode, String) {
    let request = stand.http.get(url).header("Accept-Language", language);
    let answer = request.send().await.unwrap();
    let headers = answer.headers();
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self'"));
    assert!(!policy.contains("unsafe"));
    assert!(policy.contains("frame-ancestors 'none'"));
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    (answer.status(), answer.text().await.unwrap())
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

#[tokio::test]
async fn shows_the_bill_and_every_outcome_in_both_languages() {
    let stand = Stand::start().await;
    let payment = stand.create(true).await;
    let url = payment.confirmation_url.as_ref().unwrap();
    for (language, lang, word) in [("ru-RU,ru;q=0.9", "ru", "Оплатить"), ("de", "en", "Pay")]
    {
        let (status, html) = page(&stand, url, language).await;
        assert_eq!(status, 200);
        assert!(html.contains(&format!("<html lang=\"{lang}\">")));
        assert!(html.contains("3500.00 RUB") && html.contains("Билеты") && html.contains(word));
        assert!(html.contains(payment.order_id.as_ref().unwrap()));
        for outcome in Outcome::ALL {
            assert!(html.contains(&format!("value=\"{}\"", outcome.as_str())), "{outcome:?}");
        }
        assert!(
            !html.contains("<script") && !html.contains("style=\"") && !html.contains("<style")
        );
    }
    let (_, html) = page(&stand, &format!("{url}?lang=ru"), "en").await;
    assert!(html.contains("<html lang=\"ru\">"));
    stand.stop().await;
}

#[tokio::test]
async fn the_shops_origin_may_be_the_target_of_the_form() {
    let stand = Stand::start().await;
    let payment = stand.create(true).await;
    let answer = stand.http.get(payment.confirmation_url.unwrap()).send().await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("form-action 'self' http://shop.example:8080;"), "{policy}");
    stand.stop().await;
}

#[tokio::test]
async fn buttons_decide_and_lead_back_to_the_shop() {
    let stand = Stand::start().await;
    let payment = stand.create(true).await;
    let url = payment.confirmation_url.as_ref().unwrap();
    let press = |form: &'static str| {
        browser()
            .post(url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
    };
    assert_eq!(press("outcome=win").await.unwrap().status(), 400);
    assert_eq!(press("delay_ms=1").await.unwrap().status(), 400);
    let answer = press("outcome=succeed&delay_ms=0").await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "http://shop.example:8080/orders/1?from=pay");
    assert_eq!(stand.read(&payment).await.status, PaymentStatus::Succeeded);
    // Another button after that shows the page again instead of changing anything.
    let answer = press("outcome=fail").await.unwrap();
    assert_eq!(answer.status(), 303);
    assert!(url.ends_with(answer.headers()["location"].to_str().unwrap()));
    let (_, html) = page(&stand, url, "en").await;
    assert!(html.contains("paid") && !html.contains("<form"));
    stand.stop().await;
}

#[tokio::test]
async fn planned_and_failed_payments_say_so() {
    let stand = Stand::start().await;
    let late = stand.create(true).await;
    stand.decide(&late, json!({ "outcome": "late" })).await;
    let (_, html) = page(&stand, late.confirmation_url.as_ref().unwrap(), "en").await;
    assert!(html.contains("Takes effect at") && !html.contains("<form"));
    let failed = stand.create(true).await;
    stand.decide(&failed, json!({ "outcome": "fail" })).await;
    let (_, html) = page(&stand, failed.confirmation_url.as_ref().unwrap(), "en").await;
    assert!(html.contains("not paid (insufficient_funds)"));
    stand.stop().await;
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    let stand = Stand::start().await;
    let hostile = "\"><script>alert(1)</script>'&";
    let request = CreatePayment {
        order_id: hostile.to_owned(),
        description: hostile.to_owned(),
        return_url: "http://shop.example/?q=\"><script>".to_owned(),
        ..wish(true)
    };
    let payment = stand.provider.create_payment(request).await.unwrap();
    let (_, html) = page(&stand, payment.confirmation_url.as_ref().unwrap(), "en").await;
    assert!(!html.contains("<script"));
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;"));
    stand.stop().await;
}

#[tokio::test]
async fn unknown_payments_and_the_style_sheet() {
    let stand = Stand::start().await;
    let (status, html) = page(&stand, &format!("{}/pay/none", stand.url), "en").await;
    assert_eq!(status, 404);
    assert!(html.contains("There is no such payment."));
    let css = stand.http.get(format!("{}/static/page.css", stand.url)).send().await.unwrap();
    assert_eq!(css.headers()["content-type"], "text/css; charset=utf-8");
    assert!(css.text().await.unwrap().contains(".amount"));
    stand.stop().await;
}
