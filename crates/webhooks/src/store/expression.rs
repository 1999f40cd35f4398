//! Expressions of DynamoDB. Every name has an alias, because many are reserved words.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

/// What is changed of an item, and under which conditions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    set: Vec<(&'static str, AttributeValue)>,
    add: Vec<(&'static str, AttributeValue)>,
    remove: Vec<&'static str>,
    conditions: Vec<Condition>,
}

/// What must hold of an item.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Equals(&'static str, AttributeValue),
    Missing(&'static str),
    Exists(&'static str),
    AtMost(&'static str, AttributeValue),
    Below(&'static str, AttributeValue),
    Any(Vec<Condition>),
}

/// The texts that DynamoDB takes, with what their aliases mean.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) update: Option<String>,
    pub(crate) condition: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Change {
    pub(crate) fn set(mut self, name: &'static str, value: AttributeValue) -> Change {
        self.set.push((name, value));
        self
    }

    /// Sets the attribute, or removes it if there is no value.
    pub(crate) fn set_or_remove(self, name: &'static str, value: Option<AttributeValue>) -> Change {
        match value {
            Some(value) => self.set(name, value),
            None => self.remove(name),
        }
    }

    pub(crate) fn add(mut self, name: &'static str, number: i64) -> Change {
        self.add.push((name, AttributeValue::N(number.to_string())));
        self
    }

    pub(crate) fn remove(mut self, name: &'static str) -> Change {
        self.remove.push(name);
        self
    }

    pub(crate) fn when(mut self, condition: Condition) -> Change {
        self.conditions.push(condition);
        self
    }

    pub(crate) fn written(self) -> Written {
        let mut names = BTreeSet::new();
        let mut values = HashMap::new();
        let mut clauses = Vec::new();
        for (keyword, assignments, sign) in [("SET", self.set, " = "), ("ADD", self.add, " ")] {
            let written: Vec<String> = assignments
                .into_iter()
                .map(|(name, value)| {
                    names.insert(name);
                    values.insert(format!(":{name}"), value);
                    format!("#{name}{sign}:{name}")
                })
                .collect();
            if !written.is_empty() {
                clauses.push(format!("{keyword} {}", written.join(", ")));
            }
        }
        if !self.remove.is_empty() {
            names.extend(&self.remove);
            let removed: Vec<String> = self.remove.iter().map(|name| format!("#{name}")).collect();
            clauses.push(format!("REMOVE {}", removed.join(", ")));
        }
        let mut texts = ConditionTexts { names: &mut names, values: &mut values };
        let conditions: Vec<String> = self.conditions.into_iter().map(|condition| texts.write(condition)).collect();
        Written {
            update: (!clauses.is_empty()).then(|| clauses.join(" ")),
            condition: (!conditions.is_empty()).then(|| conditions.join(" AND ")),
            names: (!names.is_empty())
                .then(|| names.into_iter().map(|name| (format!("#{name}"), name.to_owned())).collect()),
            values: (!values.is_empty()).then_some(values),
        }
    }
}

struct ConditionTexts<'a> {
    names: &'a mut BTreeSet<&'static str>,
    values: &'a mut HashMap<String, AttributeValue>,
}

impl ConditionTexts<'_> {
    fn write(&mut self, condition: Condition) -> String {
        match condition {
            Condition::Equals(name, value) => self.compared(name, "=", value),
            Condition::AtMost(name, value) => self.compared(name, "<=", value),
            Condition::Below(name, value) => self.compared(name, "<", value),
            Condition::Missing(name) => {
                self.names.insert(name);
                format!("attribute_not_exists(#{name})")
            }
            Condition::Exists(name) => {
                self.names.insert(name);
                format!("attribute_exists(#{name})")
            }
            Condition::Any(conditions) => {
                let conditions: Vec<String> = conditions.into_iter().map(|condition| self.write(condition)).collect();
                format!("({})", conditions.join(" OR "))
            }
        }
    }

    fn compared(&mut self, name: &'static str, sign: &str, value: AttributeValue) -> String {
        self.names.insert(name);
        let alias = format!(":if{}", self.values.len());
        self.values.insert(alias.clone(), value);
        format!("#{name} {sign} {alias}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> AttributeValue {
        AttributeValue::S(value.to_owned())
    }

    #[test]
    fn a_change_is_written_with_aliases_for_all_names_and_values() {
        let change = Change::default()
            .set("status", text("enabled"))
            .add("count", -1)
            .remove("lease")
            .remove("dirty")
            .when(Condition::Equals("lease", text("mine")))
            .when(Condition::Any(vec![Condition::Missing("until"), Condition::AtMost("until", text("now"))]));
        let Written { update, condition, names, values } = change.written();
        assert_eq!(update.as_deref(), Some("SET #status = :status ADD #count :count REMOVE #lease, #dirty"));
        let condition = condition.unwrap();
        assert_eq!(condition, "#lease = :if2 AND (attribute_not_exists(#until) OR #until <= :if3)");
        assert_eq!(names.unwrap().len(), 5);
        let values = values.unwrap();
        assert_eq!((values.len(), &values[":if2"], &values[":if3"]), (4, &text("mine"), &text("now")));
    }
}
