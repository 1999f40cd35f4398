use std::{
    io::ErrorKind,
    net::{Ipv4Addr, UdpSocket},
};

use serde_json::{Value, json};
use telemetry::Daemon;

/// The longest packet there is.
const PACKET_BYTES_MAX: usize = 64 * 1024;

/// What stands where Lambda runs the X-Ray daemon: a socket that keeps what it is sent.
#[derive(Debug)]
pub struct XrayDaemon(UdpSocket);

impl XrayDaemon {
    /// Listens on a port of its own.
    pub fn start() -> XrayDaemon {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.set_nonblocking(true).expect("a socket that does not wait");
        XrayDaemon(socket)
    }

    /// What sends to it.
    pub fn client(&self) -> Daemon {
        Daemon::at(self.0.local_addr().expect("its address")).expect("a socket")
    }

    /// The documents that have come since the last look. A packet on this machine arrives before its sending ends.
    pub fn received(&self) -> Vec<Value> {
        let mut packet = vec![0; PACKET_BYTES_MAX];
        let mut documents = Vec::new();
        loop {
            match self.0.recv(&mut packet) {
                Ok(length) => documents.push(document(&packet[..length])),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return documents,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// A header of one line and the document, as the daemon takes them.
fn document(packet: &[u8]) -> Value {
    let text = std::str::from_utf8(packet).expect("text");
    let (header, document) = text.split_once('\n').expect("a header");
    assert_eq!(serde_json::from_str::<Value>(header).expect("JSON"), json!({ "format": "json", "version": 1 }));
    serde_json::from_str(document).expect("JSON")
}
