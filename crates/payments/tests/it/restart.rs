//! What the sandbox acknowledged survives: a stop, a kill, a torn line; and damage is refused.

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc};

use payments::{
    CreateRefund, Currency, Money, PaymentProvider, PaymentStatus,
    sandbox::{self, JournalError, Listeners, SandboxError},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{PATIENCE, Stand, config, wish};

const JOURNAL: &str = "sandbox.journal";

/// The directory as a kill at this moment would leave it: everything acknowledged is in the file.
fn as_killed(stand: &Stand) -> Arc<tempfile::TempDir> {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(stand.dir.path().join(JOURNAL), copy.path().join(JOURNAL)).unwrap();
    Arc::new(copy)
}

async fn again(dir: Arc<tempfile::TempDir>) -> Stand {
    let path = dir.path().to_owned();
    Stand::at(dir, &path, |_| {}).await
}

async fn refuses_to_start(data: &Path) -> SandboxError {
    let config = config(data);
    let listeners = Listeners::bind(&config).await.unwrap();
    let served = sandbox::serve(config, listeners, CancellationToken::new());
    tokio::time::timeout(PATIENCE, served).await.expect("it started").unwrap_err()
}

#[tokio::test]
async fn captured_money_is_remembered_after_a_kill() {
    let stand = Stand::start().await;
    let request = wish(true);
    let payment = stand.provider.create_payment(request.clone()).await.unwrap();
    stand.decide(&payment, json!({ "outcome": "succeed" })).await;
    let refund = CreateRefund {
        idempotence_key: "r1".to_owned(),
        payment_ref: payment.provider_ref.clone(),
        amount: Money::new(1_000, Currency::RUB),
        description: String::new(),
        receipt: None,
    };
    let given = stand.provider.create_refund(refund.clone()).await.unwrap();
    let reserved = stand.create(false).await;
    stand.decide(&reserved, json!({ "outcome": "succeed" })).await;
    let waiting = stand.create(true).await;

    let after = again(as_killed(&stand)).await;
    let read = after.read(&payment).await;
    assert_eq!(read.status, PaymentStatus::Succeeded);
    assert_eq!((read.captured.minor, read.refunded.minor), (350_000, 1_000));
    assert_eq!(after.read(&reserved).await.status, PaymentStatus::WaitingForCapture);
    assert_eq!(after.read(&waiting).await.status, PaymentStatus::Pending);
    assert_eq!(after.provider.read_refund(&given.provider_ref).await.unwrap(), given);
    // Keys are remembered as well: repeats make nothing new, other bodies are refused.
    let repeat = after.provider.create_payment(request.clone()).await.unwrap();
    assert_eq!(repeat.provider_ref, payment.provider_ref);
    let repeat = after.provider.create_refund(refund).await.unwrap();
    assert_eq!(repeat.provider_ref, given.provider_ref);
    let other = payments::CreatePayment { amount: Money::new(1, Currency::RUB), ..request };
    assert!(after.provider.create_payment(other).await.is_err());
    after.stop().await;
    stand.stop().await;
}

#[tokio::test]
async fn planned_decisions_happen_after_the_restart() {
    let stand = Stand::start().await;
    let payment = stand.create(true).await;
    stand.decide(&payment, json!({ "outcome": "late", "delay_ms": 700 })).await;
    let dir = stand.dir.clone();
    stand.stop().await;
    let after = again(dir).await;
    after.read_until(&payment, |p| p.status == PaymentStatus::Succeeded).await;
    after.stop().await;
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off() {
    let stand = Stand::start().await;
    let payment = stand.create(true).await;
    stand.decide(&payment, json!({ "outcome": "succeed" })).await;
    let dir = as_killed(&stand);
    let journal = dir.path().join(JOURNAL);
    let whole = fs::read(&journal).unwrap();
    for torn in [&b"[{\"payment\":{\"id\":\"x"[..], b"\0\0\0\0", b"[{\"payment\"\n\0\0"] {
        fs::write(&journal, [&whole, torn].concat()).unwrap();
        let after = again(dir.clone()).await;
        assert_eq!(after.read(&payment).await.status, PaymentStatus::Succeeded);
        let next = after.create(true).await;
        after.stop().await;
        let after = again(dir.clone()).await;
        assert_eq!(after.read(&next).await.status, PaymentStatus::Pending);
        after.stop().await;
    }
    stand.stop().await;
}

#[tokio::test]
async fn a_torn_first_line_starts_an_empty_journal() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    fs::write(dir.path().join(JOURNAL), "{\"journal\":\"seat").unwrap();
    let stand = again(dir).await;
    stand.create(true).await;
    stand.stop().await;
}

#[tokio::test]
async fn damage_in_the_middle_is_refused_and_left_as_it_is() {
    let stand = Stand::start().await;
    for _ in 0..3 {
        stand.create(true).await;
    }
    let dir = as_killed(&stand);
    let journal = dir.path().join(JOURNAL);
    let mut bytes = fs::read(&journal).unwrap();
    let middle = bytes.iter().position(|b| *b == b'\n').unwrap() + 3;
    bytes[middle] = b'#';
    fs::write(&journal, &bytes).unwrap();
    let error = refuses_to_start(dir.path()).await;
    assert!(matches!(error, SandboxError::Journal(JournalError::Damaged { .. })), "{error}");
    assert!(error.to_string().contains("damaged at byte"));
    assert_eq!(fs::read(&journal).unwrap(), bytes);
    stand.stop().await;
}

#[tokio::test]
async fn a_foreign_or_newer_file_is_refused_and_left_as_it_is() {
    for text in ["my diary\n", "{\"journal\":\"seatgrid-sandbox\",\"version\":2}\n", "diary"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(JOURNAL), text).unwrap();
        let error = refuses_to_start(dir.path()).await;
        assert!(matches!(error, SandboxError::Journal(JournalError::Damaged { .. })), "{text}");
        assert_eq!(fs::read_to_string(dir.path().join(JOURNAL)).unwrap(), text);
    }
}

#[tokio::test]
async fn a_directory_serves_one_sandbox() {
    let stand = Stand::start().await;
    stand.create(true).await;
    let error = refuses_to_start(stand.dir.path()).await;
    assert!(matches!(error, SandboxError::Journal(JournalError::InUse { .. })), "{error}");
    stand.create(true).await;
    stand.stop().await;
}

#[tokio::test]
async fn start_errors_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let mut without_secret = config(dir.path());
    without_secret.secret = payments::Secret::default();
    let error = sandbox::run(without_secret, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("secret"), "{error}");
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut port_in_use = config(dir.path());
    port_in_use.listen = taken.local_addr().unwrap().to_string();
    let error = sandbox::run(port_in_use, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("cannot listen on 127.0.0.1:"), "{error}");
    let mut from_file = config(dir.path());
    from_file.secret = payments::Secret::default();
    from_file.secret_file = Some(dir.path().join("none"));
    let error = sandbox::run(from_file, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
}

#[tokio::test]
async fn the_secret_may_come_from_a_file() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let file = dir.path().join("secret");
    fs::write(&file, format!("{}\n", crate::harness::SECRET)).unwrap();
    let data = dir.path().join("data");
    let stand = Stand::at(dir, &data, |config| {
        config.secret = payments::Secret::default();
        config.secret_file = Some(file);
    })
    .await;
    stand.create(true).await;
    stand.stop().await;
}

#[tokio::test]
async fn the_journal_is_compacted_and_loses_nothing() {
    let compact_early = |config: &mut sandbox::SandboxConfig| config.journal_compact_bytes = 4_096;
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let stand = Stand::at(dir.clone(), dir.path(), compact_early).await;
    stand.create(true).await;
    // Kept open, so that its number on disk is not given to a later file.
    let first = fs::File::open(dir.path().join(JOURNAL)).unwrap();
    let buyers = (0..60).map(|_| async {
        let payment = stand.create(true).await;
        stand.decide(&payment, json!({ "outcome": "succeed" })).await;
        payment
    });
    let payments = futures_util::future::join_all(buyers).await;
    let changed = stand.create(false).await;
    stand.decide(&changed, json!({ "outcome": "succeed" })).await;
    for n in 0..80 {
        let part = CreateRefund {
            idempotence_key: format!("part-{n}"),
            payment_ref: payments[0].provider_ref.clone(),
            amount: Money::new(1, Currency::RUB),
            description: String::new(),
            receipt: None,
        };
        stand.provider.create_refund(part).await.unwrap();
    }
    let now = fs::metadata(dir.path().join(JOURNAL)).unwrap();
    assert_ne!(now.ino(), first.metadata().unwrap().ino(), "it is the same file as at the start");
    stand.stop().await;
    let after = Stand::at(dir.clone(), dir.path(), compact_early).await;
    assert_eq!(after.read(&payments[0]).await.refunded.minor, 80);
    for payment in &payments {
        assert_eq!(after.read(payment).await.status, PaymentStatus::Succeeded);
    }
    assert_eq!(after.read(&changed).await.status, PaymentStatus::WaitingForCapture);
    after.stop().await;
}

#[tokio::test]
async fn a_failed_disk_stops_the_gateway_with_a_reason() {
    let stand = Stand::with(|config| config.journal_compact_bytes = 4_096).await;
    stand.create(true).await;
    fs::remove_dir_all(stand.dir.path()).unwrap();
    // Somewhere here the journal wants to be compacted and finds no directory.
    let writing = async { while stand.provider.create_payment(wish(true)).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, writing).await.unwrap();
    let error = stand.ended().await.unwrap_err();
    assert!(matches!(error, SandboxError::JournalBroken { .. }), "{error}");
    assert!(error.to_string().contains("sandbox.journal"), "{error}");
}

#[test]
fn configuration_keeps_its_defaults_and_refuses_unknown_keys() {
    let read: sandbox::SandboxConfig = serde_json::from_value(json!({ "listen": "x:1" })).unwrap();
    let expected = sandbox::SandboxConfig::default();
    assert_eq!((read.listen.as_str(), read.payments_max), ("x:1", expected.payments_max));
    assert!(serde_json::from_value::<sandbox::SandboxConfig>(json!({ "listn": 1 })).is_err());
}
