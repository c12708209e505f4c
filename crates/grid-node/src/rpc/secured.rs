//! The two directions of a connection, plain or under TLS.
//!
//! What carries frames knows nothing of certificates: connections are made secret here, before the
//! first frame, or not at all.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::tls::{Caller, Dial, Tls};

/// A direction that is read.
pub(super) type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
/// A direction that is written.
pub(super) type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;
/// Both directions.
pub(super) type Halves = (ReadHalf, WriteHalf);

/// An accepted connection and who the certificate says is calling.
pub(super) async fn accepted(stream: TcpStream, tls: Option<&Tls>) -> io::Result<(Halves, Caller)> {
    let Some(tls) = tls else { return Ok((plain(stream), Caller::default())) };
    let (stream, caller) = tls.accept(stream).await?;
    Ok((split(stream), caller))
}

/// A dialled connection.
pub(super) async fn dialled(stream: TcpStream, dial: Option<&Dial>) -> io::Result<Halves> {
    let Some(dial) = dial else { return Ok(plain(stream)) };
    Ok(split(dial.connect(stream).await?))
}

fn plain(stream: TcpStream) -> Halves {
    let (read, write) = stream.into_split();
    (Box::new(read), Box::new(write))
}

fn split<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S) -> Halves {
    let (read, write) = tokio::io::split(stream);
    (Box::new(read), Box::new(write))
}
