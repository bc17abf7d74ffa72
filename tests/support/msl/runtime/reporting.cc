// SPDX-License-Identifier: Apache-2.0
// Turns what the checks found into reports: one per pair of places, however many threads meet there.
#include <algorithm>

#include "runtime/interpreter.h"
#include "runtime/line_table.h"

namespace msl {
namespace {

constexpr std::uint32_t kSiteBit = 1U << 31;

std::string short_file(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string written(const Place& place) { return short_file(place.file) + ":" + std::to_string(place.line); }

std::string written(const Size& position) {
  return "(" + std::to_string(position.x) + ", " + std::to_string(position.y) + ", " + std::to_string(position.z) + ")";
}

std::string verb(bool writes, bool atomic) {
  return std::string(atomic ? "atomic " : "") + (writes ? "write" : "read");
}

}  // namespace

std::string_view name_of(ReportKind kind) {
  switch (kind) {
    case ReportKind::kBadLaunch:
      return "bad launch";
    case ReportKind::kRace:
      return "race";
    case ReportKind::kCrossGroupRace:
      return "race across threadgroups";
    case ReportKind::kMixedAtomic:
      return "atomic mixed with plain access";
    case ReportKind::kOutOfBounds:
      return "out of bounds";
    case ReportKind::kMisaligned:
      return "misaligned";
    case ReportKind::kUninitialized:
      return "uninitialized threadgroup memory";
    case ReportKind::kDivergentBarrier:
      return "divergent barrier";
    case ReportKind::kReturnBeforeBarrier:
      return "return before barrier";
    case ReportKind::kInactiveLane:
      return "inactive lane";
    case ReportKind::kPartialSimdgroup:
      return "partial simdgroup";
    case ReportKind::kUnsetConstant:
      return "unset function constant";
    case ReportKind::kThreadgroupMemory:
      return "too much threadgroup memory";
    case ReportKind::kEndless:
      return "endless";
  }
  return "?";
}

std::string Result::text() const {
  std::string all;
  for (const Report& report : reports) all += report.message + "\n";
  if (reports_dropped > 0) all += "and " + std::to_string(reports_dropped) + " more\n";
  return all;
}

std::uint32_t Places::of(const void* return_address) {
  const auto distance = reinterpret_cast<std::intptr_t>(return_address) - anchor_;
  return static_cast<std::uint32_t>(distance + (std::intptr_t{1} << 30)) & ~kSiteBit;
}

std::uint32_t Places::of(const Site& site) {
  const auto found = std::find_if(sites_.begin(), sites_.end(), [&](const Site& known) {
    return known.file == site.file && known.line == site.line && known.column == site.column;
  });
  if (found != sites_.end()) return static_cast<std::uint32_t>(found - sites_.begin()) | kSiteBit;
  sites_.push_back(site);
  return static_cast<std::uint32_t>(sites_.size() - 1) | kSiteBit;
}

Place Places::place(std::uint32_t number) const {
  if ((number & kSiteBit) != 0) {
    const Site& site = sites_[number & ~kSiteBit];
    return {site.file, site.line};
  }
  const std::intptr_t distance = static_cast<std::intptr_t>(number) - (std::intptr_t{1} << 30);
  const Line line = line_of(reinterpret_cast<const void*>(anchor_ + distance));
  return {line.file, line.line};
}

void Interpreter::report(Report report, const std::string& key) {
  if (!seen_.insert(std::string(name_of(report.kind)) + "|" + key).second) return;
  if (result_.reports.size() >= options_.max_reports) {
    ++result_.reports_dropped;
    return;
  }
  std::string where;
  if (!report.actor.place.file.empty()) where = written(report.actor.place) + ": ";
  report.message = where + std::string(name_of(report.kind)) + ": " + report.message;
  result_.reports.push_back(std::move(report));
}

// The access is not carried out: the launch ends here, on the fibre's stack, which nobody returns to.
void Interpreter::stop() {
  stopped_ = true;
  park(ThreadState::kDone);
  __builtin_unreachable();
}

Size Interpreter::group_position(std::uint32_t group) const {
  return {group % groups_.x, group / groups_.x % groups_.y, group / (groups_.x * groups_.y)};
}

Actor Interpreter::actor(const Place& place) const {
  return {group_position(group_), thread_->index, false, false, place};
}

Actor Interpreter::actor(const Segment& segment, const Place& place) const {
  return {group_position(segment.group), segment.thread, false, false, place};
}

void Interpreter::report_conflict(const Conflict& conflict, AccessKind kind, std::uint32_t place,
                                  const MemoryRange& range) {
  Report report;
  report.actor = actor(places_.place(place));
  report.actor.writes = kind != AccessKind::kRead && kind != AccessKind::kAtomicLoad;
  report.actor.atomic = kind != AccessKind::kRead && kind != AccessKind::kWrite;
  report.other = actor(conflict.other, places_.place(conflict.place));
  report.other->writes = conflict.other_writes;
  report.other->atomic = conflict.other_atomic;
  const bool across = conflict.other.group != group_;
  report.kind = report.actor.atomic || report.other->atomic ? ReportKind::kMixedAtomic
                : across                                    ? ReportKind::kCrossGroupRace
                                                            : ReportKind::kRace;
  report.memory = range.name;
  report.offset = static_cast<std::int64_t>(conflict.address - range.begin);
  const auto who = [&](const Actor& a) {
    return "thread " + std::to_string(a.thread) + (across ? " of threadgroup " + written(a.threadgroup) : "");
  };
  report.message = verb(report.actor.writes, report.actor.atomic) + " by " + who(report.actor) + " and " +
                   verb(report.other->writes, report.other->atomic) + " by " + who(*report.other) + " at " +
                   written(report.other->place) + ", to " + range.name + " byte " + std::to_string(report.offset) +
                   (across                 ? ", which nothing orders"
                    : range.is_threadgroup ? ", with no barrier of mem_threadgroup between"
                                           : ", with no barrier of mem_device between");
  const std::string key = written(report.actor.place) + "|" + written(report.other->place);
  this->report(std::move(report), key);
}

void Interpreter::report_uninitialized(std::uintptr_t address, std::uint32_t place, const MemoryRange& range) {
  Report report;
  report.kind = ReportKind::kUninitialized;
  report.actor = actor(places_.place(place));
  report.memory = range.name;
  report.offset = static_cast<std::int64_t>(address - range.begin);
  report.message = "thread " + std::to_string(thread_->index) + " reads " + range.name + " byte " +
                   std::to_string(report.offset) + ", which no thread of this threadgroup has written";
  const std::string key = written(report.actor.place);
  this->report(std::move(report), key);
}

void Interpreter::report_outside(std::uintptr_t address, std::size_t bytes, AccessKind kind, std::uint32_t place) {
  Report report;
  report.kind = ReportKind::kOutOfBounds;
  report.actor = actor(places_.place(place));
  report.actor.writes = kind != AccessKind::kRead && kind != AccessKind::kAtomicLoad;
  report.actor.atomic = kind != AccessKind::kRead && kind != AccessKind::kWrite;
  report.message = verb(report.actor.writes, report.actor.atomic) + " of " + std::to_string(bytes) +
                   " bytes by thread " + std::to_string(thread_->index) + " of threadgroup " +
                   written(report.actor.threadgroup) + " ";
  const MemoryRange* range = memory_.find(address, bytes);
  if (range == nullptr) range = memory_.nearest(address);
  if (range == nullptr) {
    report.message += "outside every bound buffer and all threadgroup memory";
  } else {
    report.memory = range->name;
    report.offset = static_cast<std::int64_t>(address - range->begin);
    report.message += "at byte " + std::to_string(report.offset) + " of " + range->name + ", which has " +
                      std::to_string(range->end - range->begin) + " bytes";
  }
  const std::string key = written(report.actor.place);
  this->report(std::move(report), key);
}

void Interpreter::report_barrier(const std::vector<const Thread*>& waiting, std::uint32_t n_returned) {
  const Thread* first = waiting.front();
  const auto place_of = [](const Thread* thread) { return Place{thread->site.file, thread->site.line}; };
  Report report;
  thread_ = const_cast<Thread*>(first);
  report.actor = actor(place_of(first));
  const auto elsewhere = std::find_if(waiting.begin(), waiting.end(), [&](const Thread* thread) {
    return thread->caller != first->caller || thread->site.line != first->site.line ||
           thread->site.column != first->site.column;
  });
  if (n_returned > 0) {
    report.kind = ReportKind::kReturnBeforeBarrier;
    report.message = "threadgroup_barrier is reached by " + std::to_string(waiting.size()) + " of " +
                     std::to_string(n_threads_) + " threads; the others have returned";
  } else {
    report.kind = ReportKind::kDivergentBarrier;
    thread_ = const_cast<Thread*>(*elsewhere);
    report.other = actor(place_of(*elsewhere));
    report.message = "thread " + std::to_string(first->index) + " waits here, thread " +
                     std::to_string((*elsewhere)->index) + " at another threadgroup_barrier, " +
                     written(report.other->place);
  }
  thread_ = nullptr;
  const std::string key = written(report.actor.place);
  this->report(std::move(report), key);
}

void Interpreter::inactive_lane(const char* operation, int source, std::uint32_t active, const Site& site) {
  Report report;
  report.kind = ReportKind::kInactiveLane;
  report.actor = actor(Place{site.file, site.line});
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string mask = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) mask += kDigits[active >> shift & 15U];
  report.message = std::string(operation) + " in thread " + std::to_string(thread_->index) + " reads lane " +
                   std::to_string(source) + ", which does not take part (active lanes " + mask + ")";
  const std::string key = written(report.actor.place);
  this->report(std::move(report), key);
}

}  // namespace msl
