//! The YooKassa adapter passes the kit against the sandbox.

use payments::conformance::{SandboxGateway, cases, run_all};

use crate::harness::{SECRET, SHOP, Stand};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn yookassa_adapter_passes_the_kit() {
    let stand = Stand::start().await;
    let gateway = SandboxGateway::new(&stand.url, SHOP, SECRET).unwrap();
    let report = run_all(&gateway).await;
    assert!(report.failed.is_empty(), "{:#?}", report.failed);
    assert_eq!(report.passed.len(), cases().len());
    stand.stop().await;
}

#[test]
fn case_names_are_unique() {
    let mut names: Vec<_> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
