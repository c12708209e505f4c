//! Passes for wallets: one a ticket, several as a bundle, only where the shop can sign them.

use std::collections::BTreeMap;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};

use crate::documents::{document, paid, tickets};
use crate::support::{Shop, Wish};

/// The members of an archive, by its list.
fn members(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let word = |at: usize| u32::from_le_bytes(archive[at..at + 4].try_into().expect("4 bytes"));
    let short = |at: usize| usize::from(u16::from_le_bytes([archive[at], archive[at + 1]]));
    let end = archive.len() - 22;
    assert_eq!(&archive[end..end + 4], b"PK\x05\x06", "an archive");
    let (count, mut at) = (short(end + 10), word(end + 16) as usize);
    let mut members = BTreeMap::new();
    for _ in 0..count {
        let (size, length, begins) =
            (word(at + 24) as usize, short(at + 28), word(at + 42) as usize);
        let name = String::from_utf8(archive[at + 46..at + 46 + length].to_vec()).expect("a name");
        let content = begins + 30 + short(begins + 26) + short(begins + 28);
        members.insert(name, archive[content..content + size].to_vec());
        at += 46 + length;
    }
    members
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_a_signed_pass() {
    let shop = Shop::with(Wish { with_wallet: true, ..Wish::default() }).await;
    let order = paid(&shop, "passes", &[0, 1]).await;
    let listed = tickets(&shop, &order).await;
    let id = listed[0]["id"].as_str().expect("an id");
    let path = format!("/tickets/{id}.pkpass");
    let (status, kind, pass) = document(&shop, &path, &order.token).await;
    assert_eq!((status, kind.as_str()), (200, "application/vnd.apple.pkpass"));
    let pass = members(&pass);
    let names: Vec<&str> = pass.keys().map(String::as_str).collect();
    assert_eq!(names, ["icon.png", "icon@2x.png", "manifest.json", "pass.json", "signature"]);
    let manifest: Value = serde_json::from_slice(&pass["manifest.json"]).expect("a manifest");
    for (name, sum) in manifest.as_object().expect("names") {
        let made = digest(&SHA1_FOR_LEGACY_USE_ONLY, &pass[name]);
        let made: String = made.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, &json!(made), "{name}");
    }
    let text: Value = serde_json::from_slice(&pass["pass.json"]).expect("a pass");
    assert_eq!(text["barcodes"][0]["message"], listed[0]["code"]);
    assert_eq!(text["serialNumber"], id);
    assert_eq!(text["passTypeIdentifier"], "pass.org.example.tickets");
    assert!(!text.to_string().contains("Петрова"), "nobody's name");

    let all = |form: &str| format!("/orders/{}/documents/{form}", order.id);
    let (status, kind, bundle) = document(&shop, &all("pkpasses"), &order.token).await;
    assert_eq!((status, kind.as_str()), (200, "application/vnd.apple.pkpasses"));
    let bundle = members(&bundle);
    assert_eq!(bundle.keys().collect::<Vec<_>>(), ["1.pkpass", "2.pkpass"]);
    assert!(members(&bundle["2.pkpass"]).contains_key("signature"));
    let (status, ..) = document(&shop, &all("pkpass"), &order.token).await;
    assert_eq!(status, 404, "one pass is for one ticket");
    assert_eq!(document(&shop, &path, "somebody-elses").await.0, 404);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_there_are_no_passes() {
    let shop = Shop::open().await;
    let order = paid(&shop, "no-passes", &[0]).await;
    let id = tickets(&shop, &order).await[0]["id"].as_str().expect("an id").to_owned();
    for (path, code) in [
        (format!("/api/v1/tickets/{id}.pkpass"), "ticket_not_found"),
        (format!("/api/v1/orders/{}/documents/pkpass", order.id), "not_found"),
    ] {
        assert_eq!(shop.get(&path, &order.token).await.expect(404).code(), code, "{path}");
    }
    shop.close().await;
}
