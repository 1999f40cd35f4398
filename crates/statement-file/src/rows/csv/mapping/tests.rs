use super::*;

#[test]
fn a_mapping_names_everything_once() {
    let parse = |text: &str| Mapping::parse(&[text.to_owned()]).map(|mapping| mapping.0);
    assert_eq!(
        parse("date=Data,amount=Valor, R$"),
        Ok(vec![(Field::Date, "Data".to_owned()), (Field::Amount, "Valor, R$".to_owned())])
    );
    let both = ["date=a".to_owned(), "amount=b".to_owned()];
    assert!(Mapping::parse(&both).is_ok());
    assert_eq!(parse("date=a,date=b"), Err(MappingError::Twice(Field::Date)));
    assert!(matches!(parse("dat=a,amount=b"), Err(MappingError::NotAPair(_))));
    assert!(matches!(parse("date=,amount=b"), Err(MappingError::NotAPair(_))));
    assert!(matches!(parse("amount=b"), Err(MappingError::Missing(_))));
    assert!(matches!(parse("date=a"), Err(MappingError::Missing(_))));
    assert!(matches!(parse("date=a,credit=b"), Err(MappingError::Missing(_))));
    assert!(matches!(parse("date=a,type=b"), Err(MappingError::Missing(_))));
    assert_eq!(parse("date=a,amount=b,credit=c,debit=d"), Err(MappingError::TwoDirections));
    assert_eq!(parse("date=a,type=b,credit=c,debit=d"), Err(MappingError::TwoDirections));
}
