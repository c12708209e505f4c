//! The parts of a shop and their settings, each on free ports and in the test's own directory.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use box_office::push::{PushConfig, PushOfferConfig};
use box_office::telegram::TelegramConfig;
use box_office::ticket_format::WalletConfig;
use box_office::{
    MailConfig, OfficeConfig, ProviderConfig, ProviderKind, SocialConfig, WorkerConfig,
};
use payments::Secret;
use payments::sandbox::{self, SandboxConfig};
use processing_unit::{GridConfig, Unit, UnitConfig};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{SHOP_SECRET, STAFF_TOKEN, Wish};

pub(super) async fn unit(dir: &Path) -> (Unit, Vec<SocketAddr>) {
    let address = || local_postgres::free_address().expect("a free port");
    let (raft, client, admin) = (address(), address(), address());
    let config = json!({
        "admin_listen": admin,
        "node": {
            "cluster_id": "00000000000000000000000000000007",
            "node_id": 1,
            "data_dir": dir.join("unit"),
            "shards": 2,
            "peers": {"1": {"raft": raft, "client": client}},
        },
    });
    let config: UnitConfig = serde_json::from_value(config).expect("a unit's settings");
    (Unit::start(config).await.expect("the unit starts"), vec![client])
}

pub(super) async fn gateway(
    dir: &Path,
    notify_url: String,
    shutdown: &CancellationToken,
) -> (String, SocketAddr, JoinHandle<()>) {
    let config = SandboxConfig {
        notify_url,
        secret: Secret::new(SHOP_SECRET),
        data_dir: dir.join("sandbox"),
        notify_retry_ms: 100,
        ..SandboxConfig::default()
    };
    let listeners = sandbox::Listeners::bind(&config).await.expect("free ports");
    let url = format!("http://{}", listeners.http_addr().expect("bound"));
    let mail = listeners.smtp.as_ref().expect("a mailbox").local_addr().expect("bound");
    let serving = sandbox::serve(config, listeners, shutdown.clone());
    (url, mail, tokio::spawn(async move { serving.await.expect("the sandbox serves") }))
}

pub(super) fn office_config(dir: &Path, wish: &Wish, grid: GridConfig) -> OfficeConfig {
    OfficeConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        grid,
        hold_token_key_file: key_file(dir, "hold", 1),
        contact_key_file: key_file(dir, "contact", 2),
        ticket_key_file: key_file(dir, "ticket", 3),
        admin_password_file: Some(text_file(dir, "admin.password", "first password")),
        staff_token_file: Some(text_file(dir, "staff.token", STAFF_TOKEN)),
        wallet: if wish.with_wallet { wallet() } else { WalletConfig::default() },
        telegram_bot: Some("sandbox_bot".to_owned()),
        push: PushOfferConfig { key_file: Some(push_key(dir)), ..PushOfferConfig::default() },
        demo: true,
        access_key_file: Some(key_file(dir, "access", 9)),
        demo_hold_ttl_s: wish.hold_ttl_s,
        catalogue_poll_ms: 50,
        payment_create_ms_max: wish.payment_create_ms_max,
        ..OfficeConfig::default()
    }
}

pub(super) fn worker_config(office: &OfficeConfig) -> WorkerConfig {
    WorkerConfig {
        admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        database_url: office.database_url.clone(),
        grid: office.grid.clone(),
        providers: office.providers.clone(),
        look_every_ms: 50,
        contact_key_file: Some(office.contact_key_file.clone()),
        push: PushConfig { key_file: office.push.key_file.clone(), ..PushConfig::default() },
        mail: MailConfig {
            phone_domain: Some(sandbox::PHONE_DOMAIN.to_owned()),
            ..MailConfig::default()
        },
        ..WorkerConfig::default()
    }
}

pub(super) fn providers(dir: &Path, gateway: &str) -> BTreeMap<String, ProviderConfig> {
    let provider = ProviderConfig {
        kind: ProviderKind::Yookassa,
        base_url: Some(gateway.to_owned()),
        shop_id: "100500".to_owned(),
        secret_file: text_file(dir, "shop.secret", SHOP_SECRET),
        webhook_secret_file: None,
        receipts: None,
        call_timeout_ms: 5_000,
        connect_timeout_ms: 1_000,
    };
    BTreeMap::from([("sandbox".to_owned(), provider)])
}

/// The sandbox is a provider of identities, too.
pub(super) fn social(dir: &Path, gateway: &str, office: &str) -> BTreeMap<String, SocialConfig> {
    let provider = SocialConfig {
        title: "Sandbox ID".to_owned(),
        issuer: format!("{gateway}/oidc"),
        client_id: "100500".to_owned(),
        client_secret_file: text_file(dir, "social.secret", SHOP_SECRET),
        shop_url: office.to_owned(),
    };
    BTreeMap::from([("sandbox".to_owned(), provider)])
}

/// The sandbox's bot, which hears at once.
pub(super) fn telegram(dir: &Path, gateway: &str) -> TelegramConfig {
    TelegramConfig {
        base_url: gateway.to_owned(),
        token_file: Some(text_file(dir, "telegram.token", "42:secret-token")),
        poll_s: 5,
        ..TelegramConfig::default()
    }
}

fn wallet() -> WalletConfig {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wallet");
    WalletConfig {
        certificate_file: Some(dir.join("pass.pem")),
        key_file: dir.join("pass.key"),
        authority_file: dir.join("authority.pem"),
        pass_type_id: "pass.org.example.tickets".to_owned(),
        team_id: "TEAM123456".to_owned(),
        organisation: "Касса".to_owned(),
    }
}

fn push_key(dir: &Path) -> PathBuf {
    let path = dir.join("push.key");
    std::fs::write(&path, box_office::push::new_key().expect("random")).expect("key file");
    path
}

pub(super) fn key_file(dir: &Path, name: &str, byte: u8) -> PathBuf {
    let path = dir.join(format!("{name}.key"));
    std::fs::write(&path, [byte; 32]).expect("key file");
    path
}

pub(super) fn text_file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, format!("{text}\n")).expect("file");
    path
}
