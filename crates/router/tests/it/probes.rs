//! Probes, metrics, start and stop.

use router::{Bound, RouterConfig, RunError};
use serde_json::json;

use crate::client::{Client, until, within};
use crate::system::System;

#[tokio::test]
async fn metrics_are_for_this_machine_and_the_admin_port() {
    let system = System::start().await;
    let client = system.client();
    client.hold(&json!({"seats": ["A-1-1"]})).await;
    client.seats().await;
    let text = client.get("/metrics", &[]).await.text().to_owned();
    for wanted in [
        "seatgrid_holds_total{outcome=\"granted\"} 1",
        "route=\"/api/v1/events/{id}/holds\",method=\"POST\",status=\"201\"",
        "seatgrid_http_request_seconds_bucket",
        "seatgrid_router_map_age_seconds",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    let forwarded = client.get("/metrics", &[("x-forwarded-for", "192.0.2.1")]).await;
    assert_eq!(forwarded.problem(), (404, "not_found".to_owned()));
    let admin = Client::new(system.admin);
    assert!(admin.get("/metrics", &[]).await.text().contains("seatgrid_holds_total"));
    assert_eq!(admin.get("/api/v1/events/hall/seats", &[]).await.status, 404);
}

#[tokio::test]
async fn a_stopping_router_says_so_before_it_closes() {
    let mut system = System::start_with(|config| config.drain_notice_ms = 1_500).await;
    let client = system.client();
    system.shutdown.cancel();
    let told = until("not ready", async || {
        let answer = client.get("/readyz", &[]).await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(told.text(), "draining\n");
    assert_eq!(client.hold(&json!({"seats": ["A-1-1"]})).await.status, 201, "it still serves");
    within("it ends", &mut system.router).await.expect("no panic");
    let free = std::net::TcpListener::bind(system.public);
    assert!(free.is_ok(), "the port is free again");
}

#[tokio::test]
async fn a_router_that_cannot_start_says_why_in_one_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = dir.path().join("key");
    std::fs::write(&key, [1; 32]).expect("written");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let any = "127.0.0.1:0".parse().expect("an address");
    let good = RouterConfig {
        listen: any,
        admin_listen: any,
        hold_token_key_file: key,
        grid: processing_unit::GridConfig::new(vec![any]),
        ..RouterConfig::default()
    };
    let refused = async |change: fn(&mut RouterConfig)| {
        let mut config = good.clone();
        change(&mut config);
        match Bound::new(config).await {
            Ok(_) => panic!("it starts"),
            Err(error) => error,
        }
    };
    let no_units = refused(|config| config.grid.units.clear()).await;
    assert_eq!(no_units.to_string(), "grid.units: name at least one processing unit");
    let no_key = refused(|config| config.hold_token_key_file = "/none/such".into()).await;
    assert!(matches!(no_key, RunError::Key(_)) && no_key.to_string().contains("/none/such"));
    let mut config = good.clone();
    config.listen = taken.local_addr().expect("bound");
    let in_use = Bound::new(config).await.err().expect("the port is taken").to_string();
    assert!(
        in_use.starts_with("cannot listen on 127.0.0.1:") && !in_use.contains('\n'),
        "{in_use}"
    );
}

#[test]
fn unknown_knobs_are_errors() {
    let config: RouterConfig = toml::from_str("streams_max = 7").expect("defaults fill the rest");
    assert_eq!(config.streams_max, 7);
    let error = toml::from_str::<RouterConfig>("stream_max = 7").expect_err("unknown");
    assert!(error.to_string().contains("stream_max"), "{error}");
    let text = toml::to_string(&RouterConfig::default()).expect("TOML");
    assert_eq!(toml::from_str::<RouterConfig>(&text).expect("reads back"), RouterConfig::default());
}
