//! Attempts at receivers that are slow, lie, or lie in a private network. Names lead where a test says.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rustls::RootCertStore;
use test_stores::{Authority, Identity};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use webhooks::{Attempt, Loopback, Network, NoAnswer, Outcome, Sender, SignedHeaders, WaitingFor};

const NAME: &str = "hooks.example.com";
const PUBLIC: &str = "93.184.215.14";
const TIMEOUT: Duration = Duration::from_millis(600);

/// A network in which names have the addresses of a list, one after the other, and every address leads to one receiver.
#[derive(Debug, Default)]
struct Played {
    names: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    receiver: Mutex<Option<SocketAddr>>,
    resolved: Mutex<usize>,
    connected: Mutex<Vec<SocketAddr>>,
}

impl Network for Played {
    fn resolve<'a>(&'a self, host: &'a str) -> WaitingFor<'a, Vec<IpAddr>> {
        *self.resolved.lock().unwrap() += 1;
        let addresses = self.names.lock().unwrap().get_mut(host).and_then(VecDeque::pop_front);
        Box::pin(async move { addresses.ok_or_else(|| io::Error::other("no such name")) })
    }

    fn connect(&self, address: SocketAddr) -> WaitingFor<'_, TcpStream> {
        self.connected.lock().unwrap().push(address);
        let receiver = *self.receiver.lock().unwrap();
        Box::pin(async move { TcpStream::connect(receiver.ok_or_else(|| io::Error::other("unreachable"))?).await })
    }
}

struct World {
    network: Arc<Played>,
    sender: Sender,
}

impl World {
    fn new(authority: &Authority, answers: &[&[&str]]) -> World {
        let network = Arc::new(Played::default());
        let answers = answers.iter().map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect());
        network.names.lock().unwrap().insert(NAME.to_owned(), answers.collect());
        let roots = RootCertStore::clone(&authority.roots().store());
        let sender = Sender::through(network.clone(), roots, Loopback::Refused, TIMEOUT);
        World { network, sender }
    }

    /// A receiver over TLS that says these bytes in parts, with a pause before each, and then is silent.
    async fn receiver(&self, identity: &Identity, parts: Vec<(Duration, Vec<u8>)>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        *self.network.receiver.lock().unwrap() = Some(listener.local_addr().unwrap());
        let acceptor = identity.acceptor();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, parts) = (acceptor.clone(), parts.clone());
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let mut request = vec![0; 64 * 1024];
                    let _ = stream.read(&mut request).await?;
                    for (pause, bytes) in parts {
                        sleep(pause).await;
                        stream.write_all(&bytes).await?;
                        stream.flush().await?;
                    }
                    sleep(Duration::from_secs(60)).await;
                    Ok::<_, io::Error>(())
                });
            }
        });
    }

    async fn send(&self) -> Attempt {
        self.send_to(&format!("https://{NAME}/hook")).await
    }

    async fn send_to(&self, url: &str) -> Attempt {
        let headers = SignedHeaders {
            id: "6e7d7e51-3a55-5a6e-9d9b-1f7d5f3a4b10".to_owned(),
            timestamp: "1795370400".to_owned(),
            signature: "v1,x".to_owned(),
        };
        self.sender.send(url, &headers, "{}".to_owned()).await
    }

    fn connected(&self) -> Vec<String> {
        self.network.connected.lock().unwrap().iter().map(SocketAddr::to_string).collect()
    }
}

fn at_once(text: &str) -> Vec<(Duration, Vec<u8>)> {
    vec![(Duration::ZERO, text.as_bytes().to_vec())]
}

const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test]
async fn a_receiver_with_a_public_address_is_reached_at_it() {
    let authority = Authority::create();
    let world = World::new(&authority, &[&["2606:4700::1111", PUBLIC]]);
    world.receiver(&authority.issue(NAME), at_once(OK)).await;
    assert_eq!(world.send().await.answer, Ok(204));
    // Of several addresses, one of IPv4.
    assert_eq!(world.connected(), [format!("{PUBLIC}:443")]);
}

/// Whatever else it leads to: one address that is not global is enough.
#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_connected_to_at_none() {
    let authority = Authority::create();
    for private in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.168.0.1",
        "0.0.0.0",
        "::1",
        "fd00:ec2::254",
        "fe80::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:a00:1::1",
    ] {
        for addresses in [&[private][..], &[PUBLIC, private]] {
            let world = World::new(&authority, &[addresses]);
            world.receiver(&authority.issue(NAME), at_once(OK)).await;
            assert_eq!(world.send().await.answer, Err(NoAnswer::RefusedAddress), "{private}");
            assert!(world.connected().is_empty(), "{private}");
        }
    }
}

/// DNS rebinding: a public address when it is looked at, a private one when it would be looked up again.
#[tokio::test]
async fn a_name_that_changes_its_address_is_looked_up_once_per_attempt() {
    let authority = Authority::create();
    let world = World::new(&authority, &[&[PUBLIC], &["127.0.0.1"]]);
    world.receiver(&authority.issue(NAME), at_once(OK)).await;
    assert_eq!(world.send().await.answer, Ok(204));
    assert_eq!((*world.network.resolved.lock().unwrap(), world.connected()), (1, vec![format!("{PUBLIC}:443")]));
    assert_eq!(world.send().await.answer, Err(NoAnswer::RefusedAddress));
    assert_eq!(world.connected().len(), 1);
}

#[tokio::test]
async fn urls_that_are_not_admitted_are_not_even_resolved() {
    let world = World::new(&Authority::create(), &[&[PUBLIC]]);
    for url in [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "http://127.0.0.1:1/",
    ] {
        assert_eq!(world.send_to(url).await.answer, Err(NoAnswer::RefusedAddress), "{url}");
    }
    assert_eq!((*world.network.resolved.lock().unwrap(), world.connected().len()), (0, 0));
}

#[tokio::test]
async fn a_redirect_into_a_private_network_leads_nowhere() {
    let authority = Authority::create();
    let world = World::new(&authority, &[&[PUBLIC], &[PUBLIC]]);
    let redirect = "HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1/\r\ncontent-length: 0\r\n\r\n";
    world.receiver(&authority.issue(NAME), at_once(redirect)).await;
    let attempt = world.send().await;
    assert_eq!((attempt.answer, attempt.outcome()), (Ok(302), Outcome::TryAgain { throttled: None }));
    assert_eq!(world.connected().len(), 1);
}

#[tokio::test]
async fn only_a_certificate_for_the_name_from_a_known_authority_counts() {
    let authority = Authority::create();
    for identity in
        [authority.issue("other.example.com"), Authority::create().issue(NAME), authority.issue_until(NAME, 2020)]
    {
        let world = World::new(&authority, &[&[PUBLIC]]);
        world.receiver(&identity, at_once(OK)).await;
        assert_eq!(world.send().await.answer, Err(NoAnswer::TlsFailed));
    }
}

/// However it is spread, an attempt ends in time.
#[tokio::test]
async fn a_slow_receiver_is_left_when_its_time_is_up() {
    let authority = Authority::create();
    let drip = |text: &str| text.bytes().map(|byte| (Duration::from_millis(100), vec![byte])).collect::<Vec<_>>();
    let interim = vec![(Duration::from_millis(50), b"HTTP/1.1 102 Processing\r\n\r\n".to_vec()); 100];
    for parts in [Vec::new(), drip(OK), interim] {
        let world = World::new(&authority, &[&[PUBLIC]]);
        world.receiver(&authority.issue(NAME), parts).await;
        let begun = Instant::now();
        assert_eq!(world.send().await.answer, Err(NoAnswer::TimedOut));
        assert!(begun.elapsed() < TIMEOUT * 3, "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn what_is_no_http_or_too_much_of_it_is_malformed() {
    let authority = Authority::create();
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(64 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(100));
    for text in ["SSH-2.0-OpenSSH_9.6\r\n", "\0\0\0\0\0\0\0\0", &long, &many] {
        let world = World::new(&authority, &[&[PUBLIC]]);
        world.receiver(&authority.issue(NAME), at_once(text)).await;
        assert_eq!(world.send().await.answer, Err(NoAnswer::MalformedAnswer), "{}", &text[..8]);
    }
}

/// The status is what counts. A body without an end holds nobody up.
#[tokio::test]
async fn a_body_is_not_waited_for() {
    let authority = Authority::create();
    let endless = vec![(Duration::ZERO, b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\nx".to_vec()); 1];
    let large = at_once(&format!("HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n{}", "x".repeat(10_000_000)));
    for parts in [endless, large] {
        let network = World::new(&authority, &[&[PUBLIC]]);
        let roots = RootCertStore::clone(&authority.roots().store());
        let sender = Sender::through(network.network.clone(), roots, Loopback::Refused, Duration::from_secs(10));
        let world = World { sender, ..network };
        world.receiver(&authority.issue(NAME), parts).await;
        let begun = Instant::now();
        assert_eq!(world.send().await.answer, Ok(200));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_name_without_address_and_a_closed_port_are_told_apart() {
    let authority = Authority::create();
    assert_eq!(World::new(&authority, &[]).send().await.answer, Err(NoAnswer::NoSuchHost));
    assert_eq!(World::new(&authority, &[&[]]).send().await.answer, Err(NoAnswer::NoSuchHost));
    assert_eq!(World::new(&authority, &[&[PUBLIC]]).send().await.answer, Err(NoAnswer::ConnectionFailed));
}
