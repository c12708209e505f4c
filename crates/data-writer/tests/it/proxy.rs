//! A wire to PostgreSQL that is cut or freezes at a chosen protocol message, counted over both
//! directions.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Cuts once, and later connections pass; or freezes for ever, and all connections with it.
pub struct CuttingProxy {
    pub url: String,
    left: Arc<AtomicI64>,
    stop: CancellationToken,
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl CuttingProxy {
    /// Passes so many messages, then ends the connection that carries the next one.
    pub async fn start(database_url: &str, messages: i64) -> Self {
        Self::new(database_url, messages, None).await
    }

    /// Passes so many messages, then nothing more, with every connection left open.
    pub async fn freezing(database_url: &str, messages: i64) -> Self {
        Self::new(database_url, messages, Some("")).await
    }

    /// Freezes when the first statement with these words was carried out, before the message that
    /// ends its implicit transaction: no limit of the server's counts there.
    pub async fn freezing_after(database_url: &str, words: &'static str) -> Self {
        Self::new(database_url, i64::MAX, Some(words)).await
    }

    async fn new(database_url: &str, messages: i64, freezes: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let port = listener.local_addr().expect("address").port();
        let (before, after) = database_url.rsplit_once('@').expect("a user in the URL");
        let (server, database) = after.split_once('/').expect("a database in the URL");
        let url = format!("{before}@127.0.0.1:{port}/{database}?sslmode=disable");
        let (left, stop) = (Arc::new(AtomicI64::new(messages)), CancellationToken::new());
        let rules = Rules { left: Arc::clone(&left), freezes };
        let serving = serve(listener, server.to_owned(), rules, stop.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(serving));
        Self { url, left, stop }
    }

    /// Whether it came to the cut.
    pub fn has_cut(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

#[derive(Clone)]
struct Rules {
    left: Arc<AtomicI64>,
    /// `None` cuts; words name the statement to freeze at, none of them freeze at the count.
    freezes: Option<&'static str>,
}

/// How far a direction of a connection is with the statement to freeze at.
#[derive(Default, PartialEq)]
enum Sight {
    #[default]
    NotYet,
    Parsed,
    Executed,
}

impl Sight {
    /// Whether to freeze before this message.
    fn comes_to(&mut self, words: &str, head: u8, body: &[u8]) -> bool {
        match (&*self, head) {
            (Self::NotYet, b'P') if body.windows(words.len()).any(|w| w == words.as_bytes()) => {
                *self = Self::Parsed;
            }
            (Self::Parsed, b'E') => *self = Self::Executed,
            (Self::Executed, b'S') => return true,
            _ => {}
        }
        false
    }
}

async fn serve(listener: TcpListener, server: String, rules: Rules, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let server = TcpStream::connect(&server).await.expect("PostgreSQL is there");
        // Messages pass one by one: without this each would wait for the acknowledgement of the last.
        for end in [&client, &server] {
            end.set_nodelay(true).expect("an open connection");
        }
        let (rules, stop) = (rules.clone(), stop.child_token());
        connections.spawn(async move {
            let ((client_in, client_out), (server_in, server_out)) =
                (client.into_split(), server.into_split());
            tokio::select! {
                _ = pass(client_in, server_out, (true, &rules)) => {}
                _ = pass(server_in, client_out, (false, &rules)) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

/// Carries whole messages. Only the client's very first has no type byte.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    how: (bool, &Rules),
) -> io::Result<()> {
    let (mut untyped, rules) = how;
    let (from_client, mut sight) = (untyped, Sight::default());
    loop {
        let mut head = vec![0; if untyped { 4 } else { 5 }];
        from.read_exact(&mut head).await?;
        let length = u32::from_be_bytes(head[head.len() - 4..].try_into().expect("four bytes"));
        let mut body = vec![0; length as usize - 4];
        from.read_exact(&mut body).await?;
        if let Some(words) = rules.freezes.filter(|words| from_client && !words.is_empty())
            && sight.comes_to(words, head[0], &body)
        {
            rules.left.store(0, Ordering::SeqCst);
        }
        let left = rules.left.fetch_sub(1, Ordering::SeqCst);
        if rules.freezes.is_some() && left <= 0 {
            std::future::pending::<()>().await;
        }
        if left == 0 {
            return Ok(());
        }
        head.extend(body);
        to.write_all(&head).await?;
        untyped = false;
    }
}
