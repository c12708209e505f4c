//! Which server is used: the given one, an installed one, the bundled one, or none.

use local_postgres::{LocalPostgres, Options, Preference, Source, StartError};

use crate::support::{accepts, dir_with_mode, entries, port_of, start};

#[tokio::test]
async fn a_given_url_starts_nothing() {
    let dir = dir_with_mode(0o755);
    let mut options = Options::new(dir.path().join("data"));
    options.database_url = Some("postgres://someone@db.example/x".to_owned());
    let running = start(options.clone()).await;
    assert_eq!(running.source(), &Source::Given);
    assert_eq!((running.url(), running.pid()), ("postgres://someone@db.example/x", None));
    running.stop().await.expect("nothing to stop");
    assert_eq!(entries(dir.path()), 0);
    options.database_url = Some("mysql://x".to_owned());
    let error = LocalPostgres::start(options).await.expect_err("not PostgreSQL");
    assert!(matches!(error, StartError::BadUrl), "{error}");
}

#[tokio::test]
async fn an_installed_server_is_started_and_stopped_and_keeps_its_url() {
    let dir = dir_with_mode(0o755);
    let options = Options::new(dir.path());
    let running = start(options.clone()).await;
    assert!(matches!(running.source(), Source::Installed { major: 14.. }));
    let url = running.url().to_owned();
    let port = port_of(&url);
    assert!((10_000..30_000).contains(&port) && accepts(port));
    running.stop().await.expect("stop");
    assert!(!accepts(port));
    let again = start(options).await;
    assert_eq!(again.url(), url);
    again.stop().await.expect("stop");
    LocalPostgres::remove(dir.path()).expect("remove");
    assert_eq!(entries(dir.path()), 0);
}

#[tokio::test]
async fn a_taken_port_is_replaced() {
    let dir = dir_with_mode(0o755);
    let options = Options::new(dir.path());
    let running = start(options.clone()).await;
    let port = port_of(running.url());
    running.stop().await.expect("stop");
    let _thief = std::net::TcpListener::bind(("127.0.0.1", port)).expect("bind");
    let again = start(options).await;
    assert_ne!(port_of(again.url()), port);
    again.stop().await.expect("stop");
}

#[tokio::test]
async fn the_bundled_server_works_and_its_data_stays_with_it() {
    let dir = dir_with_mode(0o755);
    let mut options = Options::new(dir.path());
    options.preference = Preference::Bundled;
    let running = start(options.clone()).await;
    assert_eq!(running.source(), &Source::Bundled { major: 17 });
    assert!(accepts(port_of(running.url())));
    running.stop().await.expect("stop");
    options.preference = Preference::Any;
    let again = start(options).await;
    assert_eq!(again.source(), &Source::Bundled { major: 17 }, "existing data decides");
    again.stop().await.expect("stop");
}

#[tokio::test]
async fn data_of_an_absent_server_is_refused_with_a_way_out() {
    let dir = dir_with_mode(0o755);
    let running = start(Options::new(dir.path())).await;
    let Source::Installed { major } = *running.source() else { panic!("an installed server") };
    running.stop().await.expect("stop");
    let postgres = dir.path().join("postgres");
    let cluster = postgres.join("pg-99");
    std::fs::rename(postgres.join(format!("pg-{major}")), &cluster).expect("rename");
    std::fs::write(cluster.join("PG_VERSION"), "99\n").expect("write");
    let record = postgres.join("record.json");
    let text = std::fs::read_to_string(&record).expect("record");
    let text = text.replace(&format!("\"major\": {major}"), "\"major\": 99");
    std::fs::write(&record, text).expect("write");
    let error = LocalPostgres::start(Options::new(dir.path())).await.expect_err("absent");
    let text = error.to_string();
    assert!(text.contains("was made by PostgreSQL 99") && text.contains("--reset"), "{text}");
}

#[tokio::test]
async fn a_lost_cluster_is_not_made_anew_in_silence() {
    let dir = dir_with_mode(0o755);
    start(Options::new(dir.path())).await.stop().await.expect("stop");
    let postgres = dir.path().join("postgres");
    for entry in std::fs::read_dir(&postgres).expect("list").flatten() {
        if entry.file_name().to_string_lossy().starts_with("pg-") {
            std::fs::remove_dir_all(entry.path()).expect("remove");
        }
    }
    let error = LocalPostgres::start(Options::new(dir.path())).await.expect_err("lost");
    assert!(matches!(error, StartError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("PG_VERSION"), "{error}");
}
