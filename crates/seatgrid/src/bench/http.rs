//! Connections to the router for loads: HTTP/1.1 kept alive, one request at a time on each.
//!
//! A load shares two processors with what it measures, so it must cost little: no redirects, cookies,
//! proxies or TLS, and a connection is taken from a stack instead of a pool that wakes tasks. How many
//! are open at a time is the caller's to limit.

use std::time::Duration;

use anyhow::{Context, Result};
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;

type Connection = SendRequest<Full<Bytes>>;

/// A request without the address of the service.
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// One header besides the usual ones.
    pub header: Option<(HeaderName, &'a str)>,
    /// A JSON body; empty for none.
    pub body: Bytes,
}

/// A whole answer.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The connections to one address.
pub struct Http {
    address: String,
    limit: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl Http {
    /// Connections to the service at `http://HOST:PORT`; each request ends within the limit.
    ///
    /// # Errors
    /// When the address is none, or not plain HTTP.
    pub fn new(base: &str, limit: Duration) -> Result<Self> {
        let uri: Uri = base.parse().with_context(|| format!("address {base}"))?;
        anyhow::ensure!(uri.scheme_str() == Some("http"), "{base}: loads speak plain HTTP");
        let host = uri.host().with_context(|| format!("no host in {base}"))?;
        let address = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        Ok(Self { address, limit, idle: Mutex::default() })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When there is none within the limit; it may have been carried out all the same.
    pub async fn send(&self, call: Call<'_>) -> Result<Answer> {
        let request = self.request(call)?;
        tokio::time::timeout(self.limit, self.exchange(request))
            .await
            .context("no answer in time")?
    }

    fn request(&self, call: Call<'_>) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method;
        *request.uri_mut() = call.path.parse().context("path of a request")?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&self.address)?);
        if !call.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some((name, value)) = call.header {
            headers.insert(name, HeaderValue::from_str(value)?);
        }
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let mut connection = self.connection().await?;
        let answer = connection.send_request(request).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        // One that broke, or was given up in the middle, is not used again.
        self.idle.lock().push(connection);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// The connection that was used last, or a new one.
    async fn connection(&self) -> Result<Connection> {
        loop {
            let Some(mut idle) = self.idle.lock().pop() else { break };
            // The service may have closed it meanwhile.
            if idle.ready().await.is_ok() {
                return Ok(idle);
            }
        }
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await?;
        // Ends with the connection; what it ends with, the request says, too.
        tokio::spawn(driver);
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    /// Answers so many requests on each connection, then closes it; or never, if it is told nothing.
    async fn server(answers: u32) -> (String, Arc<AtomicU32>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let taken = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    for _ in 0..answers {
                        if stream.read(&mut request).await.is_ok_and(|bytes| bytes > 0) {
                            stream.write_all(ANSWER).await.expect("somebody listens");
                        }
                    }
                    if answers == 0 {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        (base, taken)
    }

    fn call() -> Call<'static> {
        Call { method: Method::GET, path: "/x".into(), header: None, body: Bytes::new() }
    }

    #[tokio::test]
    async fn a_connection_is_used_again_and_replaced_once_it_is_closed() {
        let (base, taken) = server(2).await;
        let http = Http::new(&base, Duration::from_secs(20)).expect("an address");
        for (request, connections) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
            // A request that the closing overtakes has no answer; a load repeats it.
            while http.send(call()).await.map(|answer| answer.body).ok() != Some("ok".into()) {}
            assert_eq!(taken.load(Ordering::SeqCst), connections, "request {request}");
        }
    }

    #[tokio::test]
    async fn a_silent_service_costs_the_limit_and_no_connection_is_kept() {
        let (base, _) = server(0).await;
        let http = Http::new(&base, Duration::from_millis(50)).expect("an address");
        assert!(http.send(call()).await.is_err());
        assert!(http.idle.lock().is_empty());
        assert!(Http::new("https://localhost", Duration::ZERO).is_err());
    }
}
