//! Reads on what a refused client still sends: a connection closed in the middle of an upload would
//! be seen by the client as a reset, and the reason would be lost.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;

/// More than this is not worth an answer.
const DRAIN_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longer than this is not worth an answer.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// Throws a body away, within limits.
pub(crate) async fn drain(body: Body) {
    // Past the limit the connection is simply closed.
    let _ = tokio::time::timeout(DRAIN_WITHIN, swallow(body)).await;
}

async fn swallow(mut body: Body) {
    let mut seen = 0;
    while let Some(Ok(frame)) = body.frame().await {
        seen += frame.data_ref().map_or(0, bytes::Bytes::len);
        if seen > DRAIN_BYTES_MAX {
            return;
        }
    }
}
