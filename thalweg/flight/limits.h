#pragma once

#include <cstdint>

namespace thalweg::flight {

struct Limits {
  int calls_max = 512;                        ///< at a time: each has a thread
  int64_t at_least_wait_ms_default = 10'000;  ///< that a read waits for what it must see, where the client does not say
  int64_t at_least_wait_ms_max = 600'000;
  int64_t message_bytes = 2 << 20;  ///< of rows in one message, where one row is not larger: some clients take 4 MiB
  int64_t request_bytes_max = 100 << 20;  ///< of rows in one message of a client
  int64_t keys_max = 100'000;             ///< in one message of keys
  int32_t batch_rows_max = 65'536;
  int endpoints_max = 256;
};

}  // namespace thalweg::flight
