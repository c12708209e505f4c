//! The two directions of a connection, plain or under TLS.
//!
//! What carries frames knows nothing of certificates: connections are made secret here, before the
//! first frame, or not at all.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::server::tune;
use crate::platform::Stream;
pub(super) use crate::platform::{ReadHalf, WriteHalf};
use crate::tls::{Caller, Dial, Tls};

/// Both directions.
pub(super) type Halves = (ReadHalf, WriteHalf);

/// An accepted connection and who the certificate says is calling.
pub(super) async fn accepted(stream: Stream, tls: Option<&Tls>) -> io::Result<(Halves, Caller)> {
    let stream = match (stream, tls) {
        (Stream::Tcp(stream), _) => stream,
        (Stream::Other(read, write), None) => return Ok(((read, write), Caller::default())),
        (Stream::Other(..), Some(_)) => return Err(io::ErrorKind::Unsupported.into()),
    };
    tune(&stream)?;
    let Some(tls) = tls else { return Ok((plain(stream), Caller::default())) };
    let (stream, caller) = tls.accept(stream).await?;
    Ok((split(stream), caller))
}

/// A dialled connection.
pub(super) async fn dialled(stream: Stream, dial: Option<&Dial>) -> io::Result<Halves> {
    let stream = match (stream, dial) {
        (Stream::Tcp(stream), _) => stream,
        (Stream::Other(read, write), None) => return Ok((read, write)),
        (Stream::Other(..), Some(_)) => return Err(io::ErrorKind::Unsupported.into()),
    };
    tune(&stream)?;
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
