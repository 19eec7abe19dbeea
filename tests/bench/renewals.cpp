// Many locks on one Redis, held by dlock's own store code: renewals URL LOCKS SECONDS TTL-MS
// THREADS
//
// Each lock has its own store and connection, as in a dlock process; only the processes are
// missing. It acquires all locks, prints "ready", renews each every fifth of the TTL for the given
// time, and prints: renewals, median, p99 and maximum of their latency in ms, p99 and maximum of
// their delay in ms (from the due time to the request), locks that were lost or not confirmed, CPU
// seconds of this process.
#include "core/identity.h"
#include "os/clock.h"
#include "store/open.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sys/resource.h>
#include <thread>

namespace {

using namespace std::chrono_literals;
using namespace dlock;

struct HeldLock {
  std::unique_ptr<Store> store;
  Claim claim;
  Grant grant;
};

struct Measured {
  std::vector<double> latency_ms;
  std::vector<double> late_ms;
  int gone = 0;
};

double milliseconds(Duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

HeldLock take(const StoreAddress& address, int number, LeaseTerms terms) {
  const StoreOptions options{.address = address, .trust_restart = true};
  const std::string key = "bench-" + std::to_string(number);
  HeldLock lock{
      .store = make_store(options),
      .claim = {.key = *LockKey::parse(key),
                .terms = terms,
                .process = make_process_hash("host", 100, static_cast<std::uint64_t>(number)),
                .host = "host",
                .pid = 100,
                .user = "bench",
                .command = "a command of an ordinary length --with=options",
                .trace = {},
                .note = {}},
      .grant = {}};
  auto answer = lock.store->acquire(lock.claim, {BootClock::now() + 10s});
  if (!answer || !std::holds_alternative<Grant>(*answer)) {
    std::cerr << "renewals: no lock: " << (answer ? "held" : answer.error().sentence) << "\n";
    std::exit(1);
  }
  lock.grant = std::get<Grant>(*answer);
  return lock;
}

void sleep_until(Instant moment) {
  const Duration left = moment - BootClock::now();
  if (left > Duration::zero()) std::this_thread::sleep_for(left);
}

/// In the order of their due times, which are spread evenly over the interval.
Measured renew_all(std::vector<HeldLock>& locks, LeaseTerms terms, Instant from, Instant until) {
  Measured measured;
  const Duration step = terms.renew_every() / static_cast<long>(locks.size());
  Instant due = from;
  for (std::size_t next = 0; due < until; next = (next + 1) % locks.size(), due += step) {
    sleep_until(due);
    const Instant sent = BootClock::now();
    const auto answer = locks[next].store->renew(locks[next].claim, locks[next].grant,
                                                 {sent + terms.request_timeout()});
    measured.latency_ms.push_back(milliseconds(BootClock::now() - sent));
    measured.late_ms.push_back(milliseconds(sent - due));
    if (!answer || !std::holds_alternative<Extended>(*answer)) ++measured.gone;
  }
  return measured;
}

double share(std::vector<double>& sorted, double part) {
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(part * static_cast<double>(sorted.size())))];
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 64;
  const auto address = parse_store_address(argv[1]);
  const int count = std::atoi(argv[2]), seconds = std::atoi(argv[3]), threads = std::atoi(argv[5]);
  const LeaseTerms terms{std::chrono::milliseconds{std::atol(argv[4])}, 300s};
  if (!address || count < threads) return 64;

  std::vector<std::vector<HeldLock>> held(static_cast<std::size_t>(threads));
  for (int number = 0; number < count; ++number)
    held[static_cast<std::size_t>(number % threads)].push_back(take(*address, number, terms));
  std::cout << "ready" << std::endl;
  const double before = cpu_seconds();
  const Instant from = BootClock::now() + 100ms, until = from + std::chrono::seconds{seconds};

  std::vector<Measured> parts(held.size());
  std::vector<std::thread> workers;
  for (std::size_t place = 0; place < held.size(); ++place)
    workers.emplace_back([&, place] { parts[place] = renew_all(held[place], terms, from, until); });
  for (auto& worker : workers) worker.join();

  Measured all;
  for (auto& part : parts) {
    all.latency_ms.insert(all.latency_ms.end(), part.latency_ms.begin(), part.latency_ms.end());
    all.late_ms.insert(all.late_ms.end(), part.late_ms.begin(), part.late_ms.end());
    all.gone += part.gone;
  }
  std::sort(all.latency_ms.begin(), all.latency_ms.end());
  std::sort(all.late_ms.begin(), all.late_ms.end());
  std::printf("%zu %.3f %.3f %.3f %.3f %.3f %d %.2f\n", all.latency_ms.size(),
              share(all.latency_ms, 0.5), share(all.latency_ms, 0.99), all.latency_ms.back(),
              share(all.late_ms, 0.99), all.late_ms.back(), all.gone, cpu_seconds() - before);
}
