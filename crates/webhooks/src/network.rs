use std::{
    fmt::Debug,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
};

use tokio::net::{TcpStream, lookup_host};

/// Something that is being waited for.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// What webhooks are sent through: names become addresses, and addresses connections. Which of them are admitted is for the caller:
/// nothing is resolved again to connect. The Internet is one, and tests have another, in which they say what a name leads to.
pub trait Network: Debug + Send + Sync {
    /// All addresses that a name has now.
    fn resolve<'a>(&'a self, host: &'a str) -> Waiting<'a, Vec<IpAddr>>;

    /// A connection to this address.
    fn connect(&self, address: SocketAddr) -> Waiting<'_, TcpStream>;
}

/// The Internet, with the machine's resolver.
#[derive(Debug, Clone, Copy)]
pub struct Internet;

impl Network for Internet {
    fn resolve<'a>(&'a self, host: &'a str) -> Waiting<'a, Vec<IpAddr>> {
        Box::pin(async move { Ok(lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }

    fn connect(&self, address: SocketAddr) -> Waiting<'_, TcpStream> {
        Box::pin(TcpStream::connect(address))
    }
}
