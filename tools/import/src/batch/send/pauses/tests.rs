use super::*;

#[test]
fn pauses_grow_with_jitter_and_are_bounded() {
    let limits = Limits::new(Duration::from_secs(3_600));
    let mut pauses = Pauses::new(limits);
    let mut ceiling = limits.first_pause;
    for _ in 0..20 {
        let pause = pauses.next(None).unwrap();
        assert!(pause >= ceiling / 2 && pause <= ceiling, "{pause:?}");
        ceiling = (ceiling * 2).min(limits.longest_pause);
    }
    assert_eq!(pauses.next(Some(Duration::from_secs(100))), Some(Duration::from_secs(100)));
    assert_eq!(pauses.next(Some(Duration::from_secs(4_000))), None);
    assert_eq!(Pauses::new(Limits::new(Duration::ZERO)).next(None), None);
}
