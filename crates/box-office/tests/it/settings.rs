//! Configuration: unknown settings are errors, relations are checked, secrets are not shown.

use box_office::{OfficeConfig, WorkerConfig};
use payments::Secret;
use serde_json::json;

fn office() -> OfficeConfig {
    let given = json!({
        "database_url": "postgres://u:hidden@127.0.0.1/db",
        "grid": {"units": ["127.0.0.1:9001"]},
        "hold_token_key_file": "h", "contact_key_file": "c", "ticket_key_file": "t",
        "providers": {"sandbox": {"kind": "yookassa", "shop_id": "1", "secret_file": "s"}},
    });
    serde_json::from_value(given).expect("settings")
}

#[test]
fn a_good_one_passes_and_shows_no_secret() {
    let config = office();
    assert_eq!(config.validate(), Ok(()));
    assert_eq!(config.providers["sandbox"].call_timeout_ms, 10_000);
    let shown = serde_json::to_string(&config).unwrap() + &format!("{config:?}");
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn unknown_settings_are_errors() {
    for given in [
        json!({"listn": "127.0.0.1:1"}),
        json!({"grid": {"units": [], "unit": []}}),
        json!({"providers": {"x": {"kind": "paypal", "shop_id": "1", "secret_file": "s"}}}),
        json!({"providers": {"x": {"kind": "yookassa", "shop_id": "", "secret_file": "", "a": 0}}}),
    ] {
        assert!(serde_json::from_value::<OfficeConfig>(given.clone()).is_err(), "{given}");
    }
    assert!(serde_json::from_value::<WorkerConfig>(json!({"demo": true})).is_err());
}

type Change = fn(&mut OfficeConfig);

#[test]
fn what_cannot_work_is_named() {
    let cases: [(Change, &str); 9] = [
        (|c| c.grid.units.clear(), "grid.units"),
        (|c| c.database_url.0 = Secret::default(), "database_url_file"),
        (|c| c.ticket_key_file = "".into(), "ticket_key_file"),
        (|c| c.database_connections_max = 0, "database_connections_max"),
        (|c| c.demo_hold_ttl_s = 4, "demo_hold_ttl_s"),
        (|c| c.payment_create_ms_max = 60_000, "payment_create_ms_max"),
        (|c| c.notices_parallel_max = 0, "notices_parallel_max"),
        (|c| c.admin_listen = c.listen, "admin_listen"),
        (
            |c| {
                let mut provider = c.providers["sandbox"].clone();
                provider.connect_timeout_ms = 20_000;
                c.providers.insert("slow".into(), provider);
            },
            "providers.slow",
        ),
    ];
    for (change, field) in cases {
        let mut config = office();
        change(&mut config);
        assert_eq!(config.validate().map_err(|error| error.field), Err(field.to_owned()));
    }
}
