use std::{
    env, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    ops::Not,
    sync::Arc,
    time::Duration,
};

use serde::{Serialize, Serializer, ser::Error};
use serde_json::value::RawValue;

/// Precedes each document on its way to the daemon.
const HEADER: &[u8] = b"{\"format\":\"json\",\"version\":1}\n";

/// The X-Ray daemon that Lambda runs beside a function with active tracing. It takes documents by UDP and passes them on.
///
/// Sending never waits and returns no error: a subsegment that the socket cannot take at once is lost.
#[derive(Debug, Clone)]
pub struct Daemon(Arc<UdpSocket>);

/// A call of something else, as the X-Ray Developer Guide has it under "AWS X-Ray segment documents".
#[derive(Debug, Serialize)]
pub(crate) struct Subsegment<'a> {
    pub(crate) r#type: &'a str,
    /// 16 hexadecimal digits, unlike those of all other segments of the trace.
    pub(crate) id: String,
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) trace_id: &'a str,
    pub(crate) parent_id: &'a str,
    #[serde(serialize_with = "as_seconds")]
    pub(crate) start_time: Duration,
    #[serde(serialize_with = "as_seconds")]
    pub(crate) end_time: Duration,
    #[serde(skip_serializing_if = "Not::not")]
    pub(crate) fault: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aws: Option<AwsCall<'a>>,
}

/// What was called of AWS.
#[derive(Debug, Serialize)]
pub(crate) struct AwsCall<'a> {
    pub(crate) operation: &'a str,
}

impl Daemon {
    /// The daemon at this address.
    pub fn at(address: SocketAddr) -> io::Result<Daemon> {
        let any_port = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any_port)?;
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        Ok(Daemon(Arc::new(socket)))
    }

    /// The daemon at `AWS_XRAY_DAEMON_ADDRESS`, if Lambda has set that. A function does without one that cannot be used.
    pub(crate) fn from_env() -> Option<Daemon> {
        let address = env::var("AWS_XRAY_DAEMON_ADDRESS").ok()?;
        let daemon = address.parse().map_err(io::Error::other).and_then(Daemon::at);
        daemon.inspect_err(|error| tracing::warn!(%error, address, "AWS_XRAY_DAEMON_ADDRESS cannot be used; traces have no subsegments")).ok()
    }

    pub(crate) fn send(&self, subsegment: &Subsegment<'_>) {
        let Ok(packet) = packet(subsegment) else { return };
        // Lost, if the daemon is busy or gone.
        let _ = self.0.send(&packet);
    }
}

fn packet(subsegment: &Subsegment<'_>) -> serde_json::Result<Vec<u8>> {
    let mut packet = HEADER.to_vec();
    serde_json::to_writer(&mut packet, subsegment)?;
    Ok(packet)
}

/// X-Ray wants decimal seconds; made of whole numbers they are exact.
fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let text = format!("{}.{:06}", time.as_secs(), time.subsec_micros());
    RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
}
