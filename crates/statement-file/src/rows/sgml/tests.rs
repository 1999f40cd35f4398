use super::*;

fn events(file: &str) -> Vec<String> {
    let mut events = Events::new(file.as_bytes(), None).unwrap();
    let mut shown = Vec::new();
    loop {
        match events.next_event() {
            Ok(Some((Event::Open(name), line))) => shown.push(format!("{line} <{name}>")),
            Ok(Some((Event::Value(name, value), line))) => shown.push(format!("{line} {name}={}", value.unwrap())),
            Ok(Some((Event::Close(name), line))) => shown.push(format!("{line} </{name}>")),
            Ok(None) => return shown,
            Err(error) => {
                shown.push(error.to_string());
                return shown;
            }
        }
    }
}

#[test]
fn elements_without_closing_tags_end_at_the_next_tag() {
    let sgml = "OFXHEADER:100\n\n<OFX>\n<A>\n<B>one\n<C>two words\n<D>\n<E>3</E>\n</A>\n</OFX>";
    assert_eq!(events(sgml), ["4 <A>", "5 B=one", "6 C=two words", "7 <D>", "8 E=3", "9 </A>"]);
}

#[test]
fn xml_and_sgml_give_the_same_events() {
    let xml = "<?xml version=\"1.0\"?><?OFX OFXHEADER=\"200\"?><OFX><A x='1'><B>one</B><C><![CDATA[two & <words>]]></C>\
               <!-- > <B>no</B> --><M/><D></D><E>3</E></A></OFX>";
    assert_eq!(events(xml), ["1 <A>", "1 B=one", "1 C=two & <words>", "1 D=", "1 E=3", "1 </A>"]);
}

#[test]
fn character_references_are_resolved_and_loose_ampersands_kept() {
    let cases = [
        ("A&amp;B", "A&B"),
        ("M&M", "M&M"),
        ("a &lt;b&gt; &quot;c&apos;", "a <b> \"c'"),
        ("caf&#233; &#xe9;", "café é"),
        ("&unknown; & ; &", "&unknown; & ; &"),
        ("&amp;lt;", "&lt;"),
        ("a\r\n  b", "a b"),
    ];
    for (value, expected) in cases {
        assert_eq!(events(&format!("<OFX><A>{value}</OFX>")), [format!("1 A={expected}")], "{value}");
    }
}

#[test]
fn a_file_that_is_cut_off_or_no_ofx_is_refused_with_its_line() {
    let cut = "the file ends in the middle of the statement: it is not complete";
    assert_eq!(events("<OFX>\n<A>\n<B>one\n").last().unwrap(), &format!("line 4: {cut}"));
    assert_eq!(events("<OFX>\n<A").last().unwrap(), "line 2: the file ends in the middle of a tag: it is not complete");
    assert_eq!(events("<OFX><A>1 < 2</A></OFX>").last().unwrap(), "line 1: there is a < that begins no tag");
    assert_eq!(events("<OFX></A>x</OFX>").last().unwrap(), "line 1: there is text outside of an element");
    let long = format!("<OFX><A>{}", "x".repeat(100_000));
    assert!(events(&long).last().unwrap().starts_with("line 1: a value is longer"));
    for file in ["", "date,amount\n", "<html><body></body></html>", "<OFX"] {
        let error = Events::new(file.as_bytes(), None).unwrap_err().to_string();
        assert!(error.ends_with("there is no element OFX: is this an OFX file?"), "{error}");
    }
}

#[test]
fn documents_that_follow_each_other_are_all_read() {
    let second = "OFXHEADER:100\nCHARSET:1252\n\n<OFX>\n<B>2\n</OFX>";
    for between in ["\n", "", "\0\0", "\r\n\r\n", "\u{1a}", "<?xml version='1.0'?>"] {
        let read = events(&format!("<OFX><A>1</OFX>{between}{second}"));
        let names: Vec<&str> = read.iter().filter_map(|event| event.split_once(' ').map(|(_, name)| name)).collect();
        assert_eq!(names, ["A=1", "<OFX>", "B=2"], "{between:?}");
    }
}

#[test]
fn what_pads_the_end_of_a_file_is_nothing() {
    for padding in ["\n\n", &"\0".repeat(200_000), "\u{1a}\0", " \r\n"] {
        let file = format!("<OFX><A>1</OFX>{padding}");
        let mut events = Events::new(file.as_bytes(), None).unwrap();
        assert!(events.next_event().unwrap().is_some());
        assert!(events.next_event().unwrap().is_none());
        assert_eq!((events.text_behind(), events.offset()), (None, file.len() as u64));
    }
    let mut events = Events::new(&b"<OFX><A>1</OFX>\nbye"[..], None).unwrap();
    while events.next_event().unwrap().is_some() {}
    assert_eq!(events.text_behind(), Some(2));
    assert_eq!(
        super::tests::events("<OFX><A>1</OFX>\n<html>").pop().unwrap(),
        "line 2: there is no element OFX: is this an OFX file?"
    );
}

#[test]
fn the_header_names_the_encoding() {
    let cases = [
        ("OFXHEADER:100\nENCODING:USASCII\nCHARSET:1252\n", Ok(Encoding::Windows1252)),
        ("OFXHEADER:100DATA:OFXSGMLENCODING:USASCIICHARSET:1252COMPRESSION:NONE", Ok(Encoding::Windows1252)),
        ("ENCODING:UTF-8\nCHARSET:NONE\n", Ok(Encoding::Utf8)),
        ("ENCODING:UTF-8\nCHARSET:1252\n", Ok(Encoding::Utf8)),
        ("ENCODING:USASCII\nCHARSET:NONE\n", Ok(Encoding::Utf8)),
        ("ENCODING:USASCII\nCHARSET:ISO-8859-1\n", Ok(Encoding::Windows1252)),
        ("", Ok(Encoding::Utf8)),
        ("?xml version=\"1.0\" encoding=\"UTF-8\" ?", Ok(Encoding::Utf8)),
        ("?xml version='1.0' encoding='windows-1252'?", Ok(Encoding::Windows1252)),
        ("?xml version=\"1.0\"?", Ok(Encoding::Utf8)),
        ("?xml version=\"1.0\" encoding=\"ASCII\"?", Ok(Encoding::Utf8)),
        ("?xml version=\"1.0\" encoding=\"US-ASCII\"?", Ok(Encoding::Utf8)),
        ("?xml encoding='ISO-8859-1'?", Ok(Encoding::Windows1252)),
        ("ENCODING:ASCII\nCHARSET:1252\n", Ok(Encoding::Windows1252)),
        ("ENCODING:USASCII\nCHARSET:8859-15\n", Ok(Encoding::Iso8859_15)),
        ("?xml encoding='ISO-8859-15'?", Ok(Encoding::Iso8859_15)),
        ("CHARSET:ISO-8859-10\n", Err("ISO-8859-10")),
        ("CHARSET:12520\n", Err("12520")),
        ("CHARSET:932\nX:Y", Err("932")),
        ("?xml encoding=\"UTF-16\"?", Err("UTF-16")),
    ];
    for (header, expected) in cases {
        match (declared_encoding(header), expected) {
            (Ok(encoding), Ok(expected)) => assert_eq!(encoding, expected, "{header}"),
            (Err(StatementError::Encoding(name)), Err(expected)) => assert_eq!(name, expected),
            (other, _) => panic!("{header}: {other:?}"),
        }
    }
}
