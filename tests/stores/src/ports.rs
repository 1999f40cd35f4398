use std::net::TcpListener;

/// Ports of 127.0.0.1 that are free now, and different from each other.
pub fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until all are found.
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("its address").port())
}
