#pragma once

#include <cstddef>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"

/// The three streams that a program starts with. Errors: STORAGE.
namespace thalweg::io {

/// What is there now, at most all of `into`; waits where nothing is; 0 at the end.
arrow::Result<size_t> ReadStandardInput(MutableByteView into);
/// All of `data`. False once nobody reads the output any more (`| head`), which is no error.
arrow::Result<bool> WriteStandardOutput(ByteView data);

enum class StandardStream : int { kInput = 0, kOutput = 1, kError = 2 };
bool IsTerminal(StandardStream stream);
/// Characters in a line of the terminal behind a stream; 0 where there is none.
size_t TerminalColumns(StandardStream stream);

}  // namespace thalweg::io
