//! What the console asks about a statement: what a file seems to be, and what its rows are. The answers are JSON.
//!
//! The module imports nothing. Its memory is used like this: [`allocate`] room for the file and for the options, write them, call
//! [`inspect_file`] or [`read_file`] (which free both), read the answer, whose address and length the result holds, and
//! [`release`] it. `statement-file.ts` does this.

mod answer;
mod options;

pub use self::{
    answer::{inspect, read},
    options::Options,
};

/// Room for so many bytes.
#[unsafe(no_mangle)]
pub extern "C" fn allocate(bytes: usize) -> *mut u8 {
    Box::into_raw(vec![0_u8; bytes].into_boxed_slice()).cast()
}

/// Gives back an answer, or room that was allocated.
///
/// # Safety
/// The address is of [`allocate`] or of an answer, with the length of that, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn release(address: *mut u8, bytes: usize) {
    // SAFETY: as the caller says, this is a boxed slice of that length.
    drop(unsafe { taken(address, bytes) });
}

/// What the file seems to be.
///
/// # Safety
/// The address is of [`allocate`] with this length; it is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn inspect_file(file: *mut u8, bytes: usize) -> u64 {
    // SAFETY: as above.
    let file = unsafe { taken(file, bytes) };
    given(inspect(&file))
}

/// The rows of the file, read with options.
///
/// # Safety
/// Both addresses are of [`allocate`] with these lengths; they are freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read_file(file: *mut u8, bytes: usize, options: *mut u8, options_bytes: usize) -> u64 {
    // SAFETY: as above.
    let (file, options) = unsafe { (taken(file, bytes), taken(options, options_bytes)) };
    given(read(&file, &options))
}

/// # Safety
/// The address and the length are of a boxed slice that nobody else has.
unsafe fn taken(address: *mut u8, bytes: usize) -> Box<[u8]> {
    // SAFETY: as the caller says.
    unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(address, bytes)) }
}

/// An answer as its address, in the upper half, and its length.
fn given(answer: String) -> u64 {
    let bytes = answer.into_bytes().into_boxed_slice();
    let length = bytes.len() as u64;
    let address = Box::into_raw(bytes).cast::<u8>() as usize as u64;
    address << 32 | length
}
