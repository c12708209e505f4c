//! Listening and dialling: TCP, or what a simulation puts in its place.
//!
//! Both directions of a connection are plain byte streams here; hellos, frames and TLS are made of
//! them in `crate::rpc`.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A direction that is read.
pub type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
/// A direction that is written.
pub type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection before its first byte.
pub enum Stream {
    /// A socket.
    Tcp(TcpStream),
    /// Anything else that carries bytes in order; TLS is for sockets only.
    Other(ReadHalf, WriteHalf),
}

/// How connections come about.
pub trait Network: fmt::Debug + Send + Sync + 'static {
    /// Opens a port; connections wait from now on.
    ///
    /// # Errors
    /// The address is taken or not of this machine.
    fn listen(&self, at: SocketAddr) -> io::Result<Listening>;

    /// Connects. It may take for ever: callers have deadlines.
    ///
    /// # Errors
    /// Nobody listens there, or nobody answers.
    fn dial(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<Stream>>;
}

/// An open port that nobody accepts on yet.
pub enum Listening {
    /// A socket.
    Tcp(std::net::TcpListener),
    /// Anything else.
    Other(Box<dyn Accept>),
}

/// An open port of a network that is not TCP.
pub trait Accept: Send {
    /// The next connection and where it comes from.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>>;
}

/// The operating system's TCP.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tcp;

impl Network for Tcp {
    /// Binds without the delay after a restart.
    fn listen(&self, at: SocketAddr) -> io::Result<Listening> {
        let domain = socket2::Domain::for_address(at);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&at.into())?;
        socket.listen(1024)?;
        Ok(Listening::Tcp(socket.into()))
    }

    fn dial(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<Stream>> {
        Box::pin(async move { Ok(Stream::Tcp(TcpStream::connect(to).await?)) })
    }
}

/// A port that connections are accepted on.
pub(crate) enum Port {
    Tcp(TcpListener),
    Other(Box<dyn Accept>),
}

impl Port {
    /// Ties an open port to the present runtime.
    pub fn new(listening: Listening) -> io::Result<Self> {
        match listening {
            Listening::Tcp(listener) => Ok(Self::Tcp(TcpListener::from_std(listener)?)),
            Listening::Other(port) => Ok(Self::Other(port)),
        }
    }

    /// The next connection and where it comes from.
    pub async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                Ok((Stream::Tcp(stream), from))
            }
            Self::Other(port) => port.accept().await,
        }
    }
}
