#include "thalweg/kv/state_store.h"

namespace thalweg::kv {

arrow::Result<std::optional<std::string>> Get(StateStore& store, ByteView key) {
  RowBatch rows;
  rows.Reset(1);
  ARROW_RETURN_NOT_OK(store.MultiGet({&key, 1}, &rows));
  const std::optional<ByteView> value = rows.At(0);
  if (!value) return std::nullopt;
  return std::string(AsText(*value));
}

}  // namespace thalweg::kv
