//! The `/v3` routes: the API that sellers call.
//!
//! Each handler checks, asks the ledger, waits for the disk and answers with the object as it is.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use super::{
    faults::{Fault, Mode},
    ledger::{Ledger, RefundManner},
    object::{Change, Target},
    outcome::{Decision, Outcome},
    refusal::Refusal,
    state::Sandbox,
    store::{CommitError, StoreError},
    validate, view,
};

/// How long `notify_before_answer` waits for the seller to take the notice before it answers
/// anyway.
const NOTICE_FIRST_MAX: Duration = Duration::from_secs(5);

/// What a handler gives: an answer, or a refusal turned into one.
type Answer = Result<Response, Refusal>;

/// A refusal as an answer.
pub fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = (status, Json(refusal.body())).into_response();
    // Whoever speaks another language says it in its own words.
    answer.extensions_mut().insert(refusal.clone());
    answer
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        refuse(&self)
    }
}

impl From<CommitError<Refusal>> for Refusal {
    fn from(error: CommitError<Refusal>) -> Self {
        match error {
            CommitError::Refused(refusal) => refusal,
            CommitError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::too_many_requests(),
            StoreError::Broken => Self::internal(),
        }
    }
}

/// `POST /v3/payments`
pub async fn create_payment(
    State(sandbox): State<Arc<Sandbox>>,
    fault: Option<Extension<Fault>>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let body = validate::body(&headers, &body)?;
    let key = validate::key(&headers, "/v3/payments", &body)?;
    let new = validate::new_payment(&body, sandbox.receipts_required)?;
    let decide = |ledger: &Ledger, now_ms| ledger.create_payment(&key, new, now_ms);
    let target = sandbox.store.commit(decide).await?;
    let answer = object(&sandbox, &target).await?;
    if fault.is_some_and(|Extension(fault)| fault.mode == Mode::NotifyBeforeAnswer) {
        pay_before_answer(&sandbox, &target).await?;
    }
    Ok(answer)
}

/// `GET /v3/payments/{id}`
pub async fn read_payment(State(sandbox): State<Arc<Sandbox>>, Path(id): Path<String>) -> Answer {
    object(&sandbox, &Target::Payment(id)).await
}

/// `POST /v3/payments/{id}/capture`
pub async fn capture(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let body = validate::body(&headers, &body)?;
    let key = validate::key(&headers, &format!("/v3/payments/{id}/capture"), &body)?;
    let amount = validate::amount(&body)?;
    let decide = |ledger: &Ledger, now_ms| ledger.capture(&key, &id, amount, now_ms);
    let target = sandbox.store.commit(decide).await?;
    object(&sandbox, &target).await
}

/// `POST /v3/payments/{id}/cancel`
pub async fn cancel(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let body = validate::body(&headers, &body)?;
    let key = validate::key(&headers, &format!("/v3/payments/{id}/cancel"), &body)?;
    let decide = |ledger: &Ledger, now_ms| ledger.cancel(&key, &id, now_ms);
    let target = sandbox.store.commit(decide).await?;
    object(&sandbox, &target).await
}

/// `POST /v3/refunds`
pub async fn create_refund(
    State(sandbox): State<Arc<Sandbox>>,
    fault: Option<Extension<Fault>>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let body = validate::body(&headers, &body)?;
    let key = validate::key(&headers, "/v3/refunds", &body)?;
    let new = validate::new_refund(&body, manner(fault.map(|Extension(fault)| fault)))?;
    let decide = |ledger: &Ledger, now_ms| ledger.create_refund(&key, new, now_ms);
    let target = sandbox.store.commit(decide).await?;
    object(&sandbox, &target).await
}

/// `GET /v3/refunds/{id}`
pub async fn read_refund(State(sandbox): State<Arc<Sandbox>>, Path(id): Path<String>) -> Answer {
    object(&sandbox, &Target::Refund(id)).await
}

/// Any other address under `/v3`.
pub async fn unknown_route() -> Refusal {
    Refusal::not_found("path")
}

async fn object(sandbox: &Sandbox, target: &Target) -> Answer {
    let json = sandbox.store.read(|ledger| match target {
        Target::Payment(id) => ledger.payment(id).map(|p| view::payment(p, &sandbox.view)),
        Target::Refund(id) => ledger.refund(id).map(view::refund),
    });
    let parameter = match target {
        Target::Payment(_) => "payment_id",
        Target::Refund(_) => "refund_id",
    };
    let json = json.await?.ok_or_else(|| Refusal::not_found(parameter))?;
    Ok(Json(json).into_response())
}

/// How the bank behaves towards a refund under a fault.
pub fn manner(fault: Option<Fault>) -> RefundManner {
    match fault.map(|fault| (fault.mode, fault.delay_ms)) {
        Some((Mode::Pending, ms)) => RefundManner::After(i64::try_from(ms).unwrap_or(i64::MAX)),
        Some((Mode::Reject, _)) => RefundManner::Rejected,
        Some(_) | None => RefundManner::AtOnce,
    }
}

/// The payment is paid and the seller told, all before the seller has the answer to its request.
async fn pay_before_answer(sandbox: &Sandbox, target: &Target) -> Result<(), Refusal> {
    let Target::Payment(id) = target else { return Ok(()) };
    let decision = Decision { outcome: Outcome::Succeed, delay_ms: 0, reason: None };
    let decide = |ledger: &Ledger, now_ms| {
        let changes = ledger.decide(id, &decision, now_ms).unwrap_or_default();
        let notices = changes.iter().filter_map(notice_id).collect::<Vec<u64>>();
        Ok::<_, Refusal>((changes, notices))
    };
    let notices = sandbox.store.commit(decide).await?;
    let told = async {
        while sandbox.store.peek(|ledger| notices.iter().any(|id| ledger.has_notice(*id))) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // A seller that does not take the notice gets its answer all the same.
    let _ = tokio::time::timeout(NOTICE_FIRST_MAX, told).await;
    Ok(())
}

fn notice_id(change: &Change) -> Option<u64> {
    match change {
        Change::Notice(notice) => Some(notice.id),
        Change::Payment(_) | Change::Refund(_) | Change::Key(_) | Change::NoticeDone(_) => None,
    }
}
