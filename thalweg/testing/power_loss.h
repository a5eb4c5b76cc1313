#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace thalweg::testing {

/// What a crash leaves of writes, names and sizes that were not synced.
enum class PowerLoss : uint8_t {
  kKeepAll,       ///< all of it, still unsynced: kill -9, the machine lives on
  kDropUnsynced,  ///< nothing of it
  kPrefix,        ///< of each file the first few writes, of the names the first few changes
  kTorn,     ///< of each write any of its 512-byte sectors; sizes may have grown over zeros; any of the name changes
  kReorder,  ///< any of the writes, whole; any of the name changes
};

inline constexpr std::array kPowerLosses = {PowerLoss::kKeepAll, PowerLoss::kDropUnsynced, PowerLoss::kPrefix,
                                            PowerLoss::kTorn, PowerLoss::kReorder};

/// "keep all", "drop unsynced", …
std::string_view PowerLossName(PowerLoss loss);

/// Whether different seeds give different states.
inline constexpr bool IsRandom(PowerLoss loss) { return loss > PowerLoss::kDropUnsynced; }

}  // namespace thalweg::testing
