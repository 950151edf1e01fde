//! Values for counting: a column of text, of a dictionary of text, or of booleans, handed on row by row as it stands.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;

/// A column of a batch as text; booleans are "true" and "false".
#[derive(Debug, Clone)]
pub struct Texts {
    array: ArrayRef,
}

impl Texts {
    /// None where the array holds neither text nor booleans.
    pub(super) fn new(array: ArrayRef) -> Option<Self> {
        is_text(array.data_type()).then_some(Self { array })
    }

    /// The same text, or none, for each of `n_rows` rows.
    pub(super) fn constant(value: Option<&str>, n_rows: usize) -> Self {
        Self { array: Arc::new(StringArray::from_iter((0..n_rows).map(|_| value))) }
    }

    pub(super) fn into_array(self) -> ArrayRef {
        self.array
    }

    pub fn len(&self) -> usize {
        self.array.len()
    }

    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// Hands on each row's value in order; none for a null.
    pub fn each(&self, f: impl FnMut(Option<&str>)) {
        let array = &self.array;
        match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().iter().for_each(f),
            DataType::LargeUtf8 => array.as_string::<i64>().iter().for_each(f),
            DataType::Utf8View => array.as_string_view().iter().for_each(f),
            DataType::Boolean => array.as_boolean().iter().map(|value| value.map(word)).for_each(f),
            DataType::Dictionary(..) => self.each_of_dictionary(f),
            _ => {}
        }
    }

    fn each_of_dictionary(&self, mut f: impl FnMut(Option<&str>)) {
        let dictionary = self.array.as_any_dictionary();
        let mut values: Vec<Option<&str>> = Vec::with_capacity(dictionary.values().len());
        let held = dictionary.values();
        match held.data_type() {
            DataType::Utf8 => values.extend(held.as_string::<i32>().iter()),
            DataType::LargeUtf8 => values.extend(held.as_string::<i64>().iter()),
            DataType::Utf8View => values.extend(held.as_string_view().iter()),
            DataType::Boolean => values.extend(held.as_boolean().iter().map(|value| value.map(word))),
            _ => {}
        }
        if values.is_empty() {
            (0..self.len()).for_each(|_| f(None));
            return;
        }
        for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
            f(if self.array.is_null(row) { None } else { values.get(key).copied().flatten() });
        }
    }
}

fn word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => true,
        DataType::Dictionary(_, values) => !matches!(**values, DataType::Dictionary(..)) && is_text(values),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::*;
    use arrow::datatypes::{Int8Type, Int32Type};

    fn read(array: impl Array + 'static) -> Option<Vec<Option<String>>> {
        let mut values = Vec::new();
        Texts::new(Arc::new(array))?.each(|value| values.push(value.map(str::to_owned)));
        Some(values)
    }

    fn expected(values: &[Option<&str>]) -> Option<Vec<Option<String>>> {
        Some(values.iter().map(|value| value.map(str::to_owned)).collect())
    }

    #[test]
    fn text_comes_back_whatever_array_holds_it() {
        let values = [Some("a"), None, Some(""), Some("a")];
        assert_eq!(read(StringArray::from(values.to_vec())), expected(&values));
        assert_eq!(read(LargeStringArray::from(values.to_vec())), expected(&values));
        assert_eq!(read(StringViewArray::from(values.to_vec())), expected(&values));
        assert_eq!(read(values.into_iter().collect::<DictionaryArray<Int32Type>>()), expected(&values));
    }

    #[test]
    fn a_null_inside_a_dictionary_is_a_null() {
        let keys = Int8Array::from(vec![Some(1), None, Some(0)]);
        let array = DictionaryArray::<Int8Type>::try_new(keys, Arc::new(StringArray::from(vec![Some("x"), None])));
        assert_eq!(array.ok().and_then(read), expected(&[None, None, Some("x")]));
        let empty = DictionaryArray::<Int8Type>::try_new(
            Int8Array::from(vec![None, None]),
            Arc::new(StringArray::from(Vec::<Option<&str>>::new())),
        );
        assert_eq!(empty.ok().and_then(read), expected(&[None, None]));
    }

    #[test]
    fn booleans_are_words_and_numbers_are_refused() {
        let values = expected(&[Some("true"), None, Some("false")]);
        assert_eq!(read(BooleanArray::from(vec![Some(true), None, Some(false)])), values);
        assert_eq!(read(Int32Array::from(vec![1])), None);
    }
}
