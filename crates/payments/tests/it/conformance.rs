//! Each adapter passes the kit against the sandbox in its language, and the table says so.

use payments::conformance::{Report, SandboxGateway, Tongue, cases, run_all, table};

use crate::harness::{SECRET, SHOP, Stand};

/// The kit against a stand of its own; `receipts` is a shop whose receipts the gateway makes.
async fn run(tongue: Tongue, name: &str, receipts: bool) -> Report {
    let stand = Stand::with(|config| config.receipts_required = receipts).await;
    let gateway = SandboxGateway::new(tongue, name, &stand.url, (SHOP, SECRET)).unwrap();
    let gateway = if receipts { gateway.with_receipts() } else { gateway };
    let report = run_all(&gateway).await;
    stand.stop().await;
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the table is what the run is for")]
async fn every_adapter_passes_every_case() {
    let (sandbox, yookassa, stripe) = tokio::join!(
        run(Tongue::Yookassa, "sandbox", false),
        run(Tongue::Yookassa, "yookassa", true),
        run(Tongue::Stripe, "stripe", false),
    );
    let reports = [("sandbox", &sandbox), ("yookassa", &yookassa), ("stripe", &stripe)];
    println!("{}", table(&reports));
    assert!(cases().len() >= 40, "{}", cases().len());
    for (name, report) in reports {
        assert!(report.failed.is_empty(), "{name}: {:#?}", report.failed);
        assert_eq!(report.passed.len(), cases().len(), "{name}");
    }
}

#[test]
fn case_names_are_unique() {
    let mut names: Vec<_> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
