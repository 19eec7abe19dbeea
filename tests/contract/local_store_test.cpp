// What the embedded store promises beyond the contract: it has many files, and no server that makes
// several changes atomic.
#include "contract/places.h"
#include "os/clock.h"
#include "os/proc.h"
#include "store/inspector.h"
#include "store/local/lock_directory.h"
#include "store/local/lock_file.h"
#include "store/local/sweep.h"
#include "store/lock_json.h"
#include "unit/child.h"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <set>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

using namespace dlock;
using namespace dlock::test;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Inspector> inspector_of(const LocalPlace& place) {
  return make_inspector({LocalAddress{place.directory}, "", false});
}

/// As a slow `unlock --force` does that saw `victim` as the holder.
void write_mark(const std::string& path, const Claim& victim) {
  const HolderStatus seen{.holder = {.process = victim.process}};
  const OwnerHash owner = make_owner_hash(victim.key, by_force().process, 1, "");
  std::ofstream{path} << forced_lock_json(mark_of(by_force(), owner), seen);
}

/// Copies of the descriptors, as the other process of a run has them.
std::vector<Fd> copies(const std::vector<int>& descriptors) {
  std::vector<Fd> copies;
  for (const int fd : descriptors) copies.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  return copies;
}

std::set<std::string> tickets(const LocalPlace& place) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{place.directory + "/backup.queue"})
    names.insert(entry.path().filename());
  return names;
}

}  // namespace

TEST_CASE("the other process of a run releases what a dead process of it held, in the same way") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const LocalPlace place;
    auto first = place.open();
    const Grant grant = take(*first, claim);
    auto descriptors = copies(first->lock_descriptors());
    first.reset();
    refused(*place.open(), claim_of(2));

    const auto second = place.open();
    REQUIRE(second->take_over(claim, std::move(descriptors)));
    give_back(*second, claim, {.keep = 300ms});
    const Held held = refused(*place.open(), claim_of(2));
    CHECK(held.holder.held_by_min_hold);
    CHECK(held.holder.owner == grant.owner);
    CHECK(held.holder.token == grant.token);
    const auto next = place.open();
    while (std::holds_alternative<Held>(*next->acquire(waiting(claim_of(3)), soon())))
      time_to_turn(*next, waiting(claim_of(3)));
    CHECK(token_in(local::LockFile::open(place.directory + "/backup.lock")->read()).value >
          grant.token.value);
  }
}

TEST_CASE(
    "the other process of a run does not touch a lock that the dead process had released already") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const LocalPlace place;
    const auto first = place.open();
    take(*first, claim);
    auto descriptors = copies(first->lock_descriptors());
    give_back(*first, claim, {.keep = 1h});
    CHECK_FALSE(place.open()->take_over(claim, std::move(descriptors)));
    CHECK(refused(*place.open(), claim_of(2)).holder.held_by_min_hold);
  }
}

TEST_CASE("the other process of a run does not touch a lock that another run holds meanwhile") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const LocalPlace place;
    const auto first = place.open();
    // A run waits, so that the file stays.
    take(*first, claim);
    auto descriptors = copies(first->lock_descriptors());
    const auto next = place.open();
    refused(*next, waiting(claim_of(2)));
    give_back(*first, claim);
    take(*next, waiting(claim_of(2)));
    const auto value = [&] {
      return local::LockFile::open(place.directory + "/backup.lock")->read();
    };
    const std::string before = value();
    CHECK_FALSE(place.open()->take_over(claim, std::move(descriptors)));
    CHECK(value() == before);
    CHECK(refused(*place.open(), claim_of(3)).holder.pid == claim_of(2).pid);
  }
}

TEST_CASE(
    "remains of another dead run in the lock file are not taken for the lock of an earlier run") {
  const LocalPlace place;
  const auto first = place.open();
  auto next = place.open();
  take(*first, claim_of(1));
  auto descriptors = copies(first->lock_descriptors());
  refused(*next, waiting(claim_of(2)));  // so that the file stays
  give_back(*first, claim_of(1));
  take(*next, waiting(claim_of(2)));
  next.reset();
  CHECK_FALSE(place.open()->take_over(claim_of(1), std::move(descriptors)));
}

TEST_CASE("a process that waits in the kernel for a lock ends with its run") {
  const LocalPlace place;
  const auto holder = place.open();
  take(*holder, claim_of(1));
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t run = test::fork_child();
  if (run == 0) {
    const auto store = place.open();
    const Claim claim = waiting(claim_of(2));
    if (store->acquire(claim, soon())) store->await_turn(claim, {BootClock::now() + 1h});
    ::_exit(0);
  }
  std::vector<pid_t> children;
  for (const Instant until = BootClock::now() + 20s; children.empty() && BootClock::now() < until;)
    children = Children{Proc{}}.of(run);
  REQUIRE(children.size() == 1);
  const pid_t waits = children.front();
  ::kill(run, SIGKILL);
  REQUIRE(::waitpid(run, nullptr, 0) == run);
  pid_t ended = 0;
  for (const Instant until = BootClock::now() + 20s; ended == 0 && BootClock::now() < until;)
    ended = ::waitpid(waits, nullptr, WNOHANG);
  CHECK(ended == waits);
  if (ended == 0) ::kill(waits, SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("a run takes over the lock of its dead process only with copies of all its descriptors") {
  const LocalPlace place;
  const Claim claim = sharing(claim_of(1), {2});
  const auto first = place.open();
  take(*first, claim);
  CHECK_FALSE(place.open()->take_over(claim, {}));
  CHECK_FALSE(place.open()->take_over(claim, copies({first->lock_descriptors().front()})));
  refused(*place.open(), claim_of(2));
}

TEST_CASE("a release that overlaps with a forced unlock keeps nothing") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const LocalPlace place;
    const auto store = place.open();
    take(*store, claim);
    auto forced = inspector_of(place)->unlock(claim.key, by_force(), soon());
    REQUIRE(forced.ok());
    REQUIRE(std::holds_alternative<Forced>(*forced));
    give_back(*store, claim, {.keep = 1h});
    take(*place.open(), claim_of(2));
  }
}

TEST_CASE("a forced unlock that names an earlier holder does not affect the current one") {
  const LocalPlace place;
  const std::string file = place.directory + "/backup.lock";
  const auto store = place.open();
  const Grant grant = take(*store, claim_of(2));
  write_mark(file, claim_of(1));
  CHECK(is<Extended>([&] { return store->renew(claim_of(2), grant, soon()); }));
  const Held held = refused(*place.open(), claim_of(3));
  CHECK_FALSE(held.holder.forced);
  CHECK(held.holder.owner == grant.owner);
  CHECK(held.holder.token == grant.token);

  write_mark(file, claim_of(1));
  give_back(*store, claim_of(2), {.keep = 1h});
  CHECK(refused(*place.open(), claim_of(3)).holder.held_by_min_hold);
}

TEST_CASE("a forced unlock that names a holder is a loss for it, also if it shares the lock") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    const LocalPlace place;
    const auto store = place.open();
    const Grant grant = take(*store, claim);
    REQUIRE(inspector_of(place)->unlock(claim.key, by_force(), soon()).ok());
    CHECK(is<Lost>([&] { return store->renew(claim, grant, soon()); }));
  }
}

TEST_CASE("no ticket of the queue is given twice, even if the queue was empty in between") {
  const LocalPlace place;
  const auto holder = place.open();
  take(*holder, claim_of(0));
  std::set<std::string> given;
  for (int run = 1; run <= 5; ++run) {
    const auto waiter = place.open();
    refused(*waiter, waiting(claim_of(run)));
    for (const std::string& ticket : tickets(place)) CHECK(given.insert(ticket).second);
    waiter->leave_queue(waiting(claim_of(run)), soon());
    CHECK(tickets(place).empty());
  }
}

TEST_CASE("a file is not removed after another file has taken its name") {
  const LocalPlace place;
  const std::string path = place.directory + "/file";
  const auto old = local::LockFile::open(path);
  REQUIRE(old.ok());
  std::filesystem::remove(path);
  const auto other = local::LockFile::open(path);
  REQUIRE(other.ok());
  old->remove();
  CHECK(other->in_place());
  other->remove();
  CHECK_FALSE(other->in_place());
}

TEST_CASE("a waiter whose queue file was deleted rejoins at the end of the queue") {
  const LocalPlace place;
  const auto holder = place.open();
  const auto removed = place.open();
  const auto other = place.open();
  take(*holder, claim_of(0));
  refused(*removed, waiting(claim_of(1)));
  std::filesystem::remove(place.directory + "/backup.queue/" + *tickets(place).begin());
  refused(*other, waiting(claim_of(2)));
  refused(*removed, waiting(claim_of(1)));
  CHECK(tickets(place).size() == 2);
  give_back(*holder, claim_of(0));
  refused(*removed, waiting(claim_of(1)));
  take(*other, waiting(claim_of(2)));
}

TEST_CASE("the lock of a dead holder is free even while another process inspects it") {
  using local::LockFile;
  struct {
    LockFile::Mode others;
    std::chrono::milliseconds look;
    Claim wanted;
  } const cases[] = {{LockFile::Mode::Shared, 10ms, claim_of(2)},
                     {LockFile::Mode::Exclusive, 1ms, sharing(claim_of(2))}};
  for (const auto& [others, look, wanted] : cases) {
    CAPTURE(wanted.limit.most);
    const LocalPlace place;
    auto dead = place.open();
    take(*dead, claim_of(1));
    dead.reset();
    const auto eye = local::LockFile::open(place.directory + "/backup.lock");
    REQUIRE(eye.ok());
    // On a busy machine an inspection can last too long, but not every time.
    bool taken = false;
    for (int attempt = 0; attempt < 50 && !taken; ++attempt) {
      REQUIRE(eye->try_lock(others));
      std::thread looker{[&eye = *eye, look = look] {
        std::this_thread::sleep_for(look);
        eye.unlock();
      }};
      auto answer = place.open()->acquire(wanted, soon());
      looker.join();
      REQUIRE(answer.ok());
      taken = std::holds_alternative<Grant>(*answer);
    }
    CHECK(taken);
  }
}

TEST_CASE("a refused run is told at once who holds the lock, whatever limit it requests") {
  for (const Claim& held : {claim_of(1), sharing(claim_of(1), {2})}) {
    for (const Claim& wanted :
         {claim_of(2), sharing(claim_of(2), {2}), sharing(claim_of(2), {1})}) {
      if (!held.limit.is_exclusive() && wanted.limit == held.limit) continue;
      CAPTURE(held.limit.most);
      CAPTURE(wanted.limit.most);
      const LocalPlace place;
      const auto holder = place.open();
      take(*holder, held);
      Duration quickest = 1s;
      for (int attempt = 0; attempt < 10; ++attempt) {
        const Instant began = BootClock::now();
        CHECK(refused(*place.open(), wanted).holder.pid == 101);
        quickest = std::min(quickest, BootClock::now() - began);
      }
      CHECK(quickest < 10ms);
    }
  }
}

TEST_CASE("a value of any length is read to its end") {
  for (const Limit limit : {Limit{}, Limit{2}}) {
    CAPTURE(limit.most);
    const LocalPlace place;
    Claim talkative = sharing(claim_of(1), limit);
    talkative.note = std::string(40'000, 'x');
    const auto store = place.open();
    take(*store, talkative);
    CHECK(refused(*place.open(), claim_of(2)).holder.note == talkative.note);
    give_back(*store, talkative, {.keep = 1h});
    CHECK(refused(*place.open(), claim_of(2)).holder.held_by_min_hold);
  }
}

namespace {

std::set<std::string> files_in(const LocalPlace& place) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{place.directory})
    names.insert(entry.path().filename());
  return names;
}

void make_old(const std::string& path, std::chrono::hours age) {
  std::error_code gone;
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - age, gone);
}

/// Leaves a file that no release removed, as a run does that was killed with both supervisors.
void leave_behind(const LocalPlace& place, const std::string& key) {
  const auto store = place.open();
  take(*store, claim_of(1, key));
}

/// Acquires and releases a lock: each release also sweeps.
void run_another(const LocalPlace& place) {
  const auto store = place.open();
  take(*store, claim_of(9, "another"));
  give_back(*store, claim_of(9, "another"));
}

}  // namespace

TEST_CASE("a released key leaves no file, and its next fencing token is still higher") {
  const LocalPlace place;
  FencingToken last;
  for (int key = 0; key < 300; ++key) {
    const std::string long_key = std::string(250 + static_cast<std::size_t>(key) / 2, '/');
    for (Claim claim :
         {claim_of(1, "k" + std::to_string(key)), claim_of(1, long_key), claim_of(2, "shared")}) {
      if (claim.key.bytes() == "shared") claim = sharing(claim);
      const auto store = place.open();
      last = std::max(last, take(*store, claim).token);
      give_back(*store, claim);
    }
  }
  CHECK(files_in(place) == std::set<std::string>{"last-token"});

  // With a clock that was set back, the token of a key comes only from the lower limit.
  const FencingToken future{last.value + 1'000'000'000'000};
  std::filesystem::remove(place.directory + "/last-token");
  std::filesystem::create_symlink(std::to_string(future.value), place.directory + "/last-token");
  for (std::uint64_t use = 1; use <= 3; ++use) {
    const auto store = place.open();
    CHECK(take(*store, claim_of(1)).token.value == future.value + use);
    give_back(*store, claim_of(1));
  }
}

TEST_CASE("the file of a lock stays while a run waits for it or while the lock is kept") {
  const LocalPlace place;
  const auto holder = place.open();
  const auto waiter = place.open();
  take(*holder, claim_of(1));
  refused(*waiter, waiting(claim_of(2)));
  give_back(*holder, claim_of(1));
  CHECK(files_in(place).contains("backup.lock"));
  take(*waiter, waiting(claim_of(2)));
  give_back(*waiter, claim_of(2), {.keep = 1h});
  CHECK(files_in(place).contains("backup.lock"));
  make_old(place.directory + "/backup.lock", 2h);
  run_another(place);
  refused(*place.open(), claim_of(3));
}

TEST_CASE("later runs remove the files of killed runs, a few at a time, and none that is in use") {
  const LocalPlace place;
  for (int key = 0; key < 8; ++key) leave_behind(place, "killed" + std::to_string(key));
  {
    const auto shares = place.open();
    take(*shares, sharing(claim_of(1, "killed-sharing")));
    const auto waits = place.open();
    refused(*waits, waiting(claim_of(2, "killed-sharing")));
  }
  const std::string long_key(300, '/');
  leave_behind(place, long_key);
  const auto held = place.open();
  const Grant grant = take(*held, claim_of(1, "held"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator{place.directory})
    make_old(entry.path(), 2h);
  leave_behind(place, "young");

  run_another(place);
  CHECK(files_in(place).size() >= 10 - 4 + 2);
  for (int run = 0; run < 200; ++run) run_another(place);
  CHECK(files_in(place) == std::set<std::string>{"held.lock", "last-token", "young.lock"});
  CHECK(is<Extended>([&] { return held->renew(claim_of(1, "held"), grant, soon()); }));
}

TEST_CASE("a run of --once-per is remembered as long as its slot can be queried") {
  const LocalPlace place;
  Claim daily = claim_of(1, "daily");
  daily.once = OncePer{24h};
  {
    const auto store = place.open();
    const Grant grant = take(*store, daily);
    give_back(*store, daily, {.run = PastRun{.started = grant.at, .counts = true}});
    auto seen = inspector_of(place)->inspect(daily.key, soon());
    REQUIRE(seen.ok());
    REQUIRE(seen->past_run.has_value());
    const std::chrono::milliseconds kept{seen->past_run->forget_at.ms - grant.at.ms};
    CHECK(kept >= past_run_life(*daily.once));
  }
  const std::string memory = place.directory + "/daily.done";
  make_old(memory, 24h * 100);
  for (int run = 0; run < 10; ++run) run_another(place);
  CHECK(is<AlreadyDone>([&] { return place.open()->acquire(daily, soon()); }));

  std::ofstream{memory} << past_run_json({.started = {1}, .counts = true, .forget_at = {2}});
  make_old(memory, 24h * 100);
  for (int run = 0; run < 10; ++run) run_another(place);
  CHECK_FALSE(std::filesystem::exists(memory));
}

TEST_CASE("no two runs hold a lock whose file is removed and created again, and tokens only rise") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int rounds = 500;  // a sanitizer finds memory and thread errors early
#else
  constexpr int rounds = 10'000;
#endif
  constexpr int least = 300;
  // The directory of a long key is removed and created again, too.
  for (const auto& [key, most] :
       {std::pair{std::string{"backup"}, rounds}, {std::string(100, '/'), rounds / 20}}) {
    CAPTURE(key);
    const LocalPlace place;
    const std::string file = local::lock_file_name(place.directory, *LockKey::parse(key));
    std::atomic<int> holders{0};
    std::atomic<int> sharers{0};
    std::atomic<int> wrong{0};
    std::atomic<int> granted{0};
    std::atomic<std::uint64_t> last_token{0};
    std::atomic<bool> over{false};

    const auto contend = [&, &key = key](int number, bool shares) {
      for (int i = 0; !over; ++i) {
        Claim claim = claim_of(number * 100'000 + i, key);
        if (shares) claim = sharing(claim);
        const auto store = place.open();
        const auto answer = store->acquire(claim, soon());
        if (!answer) ++wrong;
        if (!answer || !std::holds_alternative<Grant>(*answer)) {
          std::this_thread::sleep_for(std::chrono::microseconds{50});  // another thread holds it
          continue;
        }
        const std::uint64_t token = std::get<Grant>(*answer).token.value;
        if (!shares && last_token.exchange(token) >= token) ++wrong;
        ++(shares ? sharers : holders);
        for (int look = 0; look < 3; ++look) {
          if (shares ? holders != 0 : holders != 1 || sharers != 0) ++wrong;
          std::this_thread::yield();
        }
        // The file is the one in the directory, and stays there while it is held.
        const auto renewed = store->renew(claim, std::get<Grant>(*answer), soon());
        if (!renewed || !std::holds_alternative<Extended>(*renewed)) ++wrong;
        --(shares ? sharers : holders);
        ++granted;
        // Sometimes it does not release, like a killed run, and leaves its file to the sweep.
        if (i % 7 != 0 && !store->release(claim, {}, soon())) ++wrong;
      }
    };
    std::vector<std::thread> threads;
    for (const int number : {1, 2}) threads.emplace_back(contend, number, false);
    for (const int number : {3, 4}) threads.emplace_back(contend, number, true);
    threads.emplace_back([&] {
      while (!over) {
        make_old(file, 2h);
        local::sweep(place.directory);
        std::this_thread::sleep_for(std::chrono::microseconds{50});
      }
    });
    const Instant enough = BootClock::now() + 5s;  // fewer rounds on a loaded machine
    const Instant give_up = BootClock::now() + 100s;
    while (granted < most && (granted < least || BootClock::now() < enough) &&
           BootClock::now() < give_up)
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    over = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(granted >= std::min(least, most));
    CHECK(wrong == 0);
  }
}

TEST_CASE("a token exceeds the last one of its key even if the clock is behind it") {
  const LocalPlace place;
  std::ofstream{place.directory + "/backup.lock"} << only_token({4'000'000'000'000'000});
  const auto first = place.open();
  const auto second = place.open();
  CHECK(take(*first, sharing(claim_of(1))).token.value == 4'000'000'000'000'001);
  CHECK(take(*second, sharing(claim_of(2))).token.value == 4'000'000'000'000'002);
  give_back(*first, sharing(claim_of(1)));
  give_back(*second, sharing(claim_of(2)));
  CHECK(take(*place.open(), claim_of(3)).token.value == 4'000'000'000'000'003);
}

TEST_CASE("a value that was written only in part is reported as not written") {
  const LocalPlace place;
  const auto file = local::LockFile::open(place.directory + "/backup.lock");
  REQUIRE(file.ok());
  const auto heard = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit ten_bytes{10, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &ten_bytes);
  const bool short_one = file->overwrite("{}");
  const bool long_one = file->overwrite(R"({"token":123456789})");
  const int error = errno;
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, heard);
  CHECK(short_one);
  CHECK_FALSE(long_one);
  CHECK(error == ENOSPC);
}

TEST_CASE("a file stays if its token can be remembered nowhere else") {
  const LocalPlace place;
  const auto store = place.open();
  const FencingToken token = take(*store, claim_of(1)).token;
  const Fd busy{::open(place.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  REQUIRE(::flock(busy.number(), LOCK_SH) == 0);
  give_back(*store, claim_of(1));
  std::ifstream file{place.directory + "/backup.lock"};
  const std::string value{std::istreambuf_iterator<char>{file}, {}};
  CHECK(token_in(value) == token);
}

TEST_CASE("the lower limit of all tokens never decreases") {
  const LocalPlace place;
  const std::string high = "4000000000000000";
  std::filesystem::create_symlink(high, place.directory + "/last-token");
  std::ofstream{place.directory + "/low.lock"} << only_token({5});
  const auto store = place.open();
  take(*store, claim_of(1, "low"));
  give_back(*store, claim_of(1, "low"));
  CHECK(std::filesystem::read_symlink(place.directory + "/last-token") == high);
}

TEST_CASE("a lock file that was moved away and replaced by a link to it is a loss") {
  const LocalPlace place;
  const auto store = place.open();
  const Grant grant = take(*store, claim_of(1));
  const std::string path = place.directory + "/backup.lock";
  std::filesystem::rename(path, path + ".away");
  std::filesystem::create_symlink(path + ".away", path);
  CHECK(is<Lost>([&] { return store->renew(claim_of(1), grant, soon()); }));
}

TEST_CASE("a share is refused while an exclusive lock is kept after its job") {
  const LocalPlace place;
  const auto store = place.open();
  take(*store, claim_of(1));
  give_back(*store, claim_of(1), {.keep = 1h});
  CHECK(refused(*place.open(), sharing(claim_of(2))).holder.held_by_min_hold);
}

TEST_CASE("each key has its own file name, which does not begin with a dot and is parsed back") {
  const LocalPlace place;
  std::set<std::string> names;
  const std::vector<std::string> keys{
      ".", "..", ".a", "a.b", "%",   "%2E",   "%2E%2E", "a+",
      "+", "A",  "a",  "%41", "a/b", "a%2Fb", " ",      std::string(300, '%')};
  for (const std::string& bytes : keys) {
    const auto path = local::lock_file_path(place.directory, *LockKey::parse(bytes));
    REQUIRE(path.ok());
    CHECK(names.insert(*path).second);
    CHECK(path->substr(place.directory.size(), 2) != "/.");
    std::ofstream{*path} << "{}";
  }
  const std::vector<std::string> found = local::keys_in(place.directory);
  CHECK(std::set<std::string>{found.begin(), found.end()} ==
        std::set<std::string>{keys.begin(), keys.end()});
}

TEST_CASE("a release frees the lock even if another process has copies of its descriptors") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1))}) {
    CAPTURE(claim.limit.most);
    const LocalPlace place;
    const auto holder = place.open();
    const auto waiter = place.open();
    take(*holder, claim);
    std::vector<Fd> of_the_front = copies(holder->lock_descriptors());
    refused(*waiter, waiting(claim_of(2)));  // so that the file stays
    give_back(*holder, claim);
    take(*waiter, waiting(claim_of(2)));
  }
}

TEST_CASE("a kept lock is reported as kept even if another process has copies of its descriptors") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1), {2})}) {
    CAPTURE(claim.limit.most);
    const LocalPlace place;
    const auto holder = place.open();
    take(*holder, claim);
    const std::vector<Fd> of_the_front = copies(holder->lock_descriptors());
    give_back(*holder, claim, {.keep = 1h});
    CHECK(refused(*place.open(), claim_of(2)).holder.held_by_min_hold);
    auto seen = inspector_of(place)->inspect(claim.key, soon());
    REQUIRE(seen.ok());
    CHECK(seen->state() == LockStatus::State::HeldByMinHold);
  }
}

TEST_CASE("the descriptors of the front keep the lock when the engine is dead") {
  for (const Claim& claim : {claim_of(1), sharing(claim_of(1))}) {
    CAPTURE(claim.limit.most);
    const LocalPlace place;
    auto holder = place.open();
    take(*holder, claim);
    std::vector<Fd> of_the_front = copies(holder->lock_descriptors());
    holder.reset();
    refused(*place.open(), claim_of(2));
    of_the_front.clear();
    take(*place.open(), claim_of(3));
  }
}

TEST_CASE("a run that ends while another run requests the lock is not repeated by it") {
  for (int round = 0; round < 300; ++round) {
    const LocalPlace place;
    Claim first = claim_of(1);
    Claim second = claim_of(2);
    first.once = second.once = OncePer{24h};
    const auto store = place.open();
    const Grant grant = take(*store, first);
    std::atomic<bool> repeated{false};
    std::thread other{[&] {
      const auto asks = place.open();
      for (const Instant until = BootClock::now() + 5s; BootClock::now() < until;) {
        const auto answer = asks->acquire(second, soon());
        if (answer && std::holds_alternative<Held>(*answer)) continue;
        repeated = !answer || !std::holds_alternative<AlreadyDone>(*answer);
        return;
      }
    }};
    std::this_thread::yield();
    const auto released =
        store->release(first, {.run = PastRun{.started = grant.at, .counts = true}}, soon());
    other.join();
    REQUIRE(released.ok());
    REQUIRE_FALSE(repeated);
  }
}

TEST_CASE("a kept lock is free after a restart of the machine") {
  const LocalPlace place;
  const std::string far =
      "/" + std::to_string(whole_ms(BootClock::now().time_since_epoch()) + 3'600'000);
  const auto kept_in = [&](const std::string& boot) {
    std::ofstream{place.directory + "/backup.lock"}
        << min_hold_lock_json(claim_of(1), Grant{.owner = {"o"}, .token = {1}}, boot + far);
  };
  std::string this_boot;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> this_boot;
  kept_in(this_boot);
  refused(*place.open(), claim_of(2));
  kept_in("00000000-0000-0000-0000-000000000000");
  take(*place.open(), claim_of(3));
}

TEST_CASE("a lock file that is a symbolic link is not followed") {
  const LocalPlace place;
  const std::string target = place.directory + "/precious";
  std::ofstream{target} << "precious";
  const std::string link = place.directory + "/backup.lock";
  std::filesystem::create_symlink(target, link);
  REQUIRE_FALSE(
      local::LockFile::open(link).ok());  // otherwise it would be opened in an endless loop
  const auto answer = place.open()->acquire(claim_of(1), soon());
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().sentence.find("backup.lock") != std::string::npos);
  std::string text;
  std::ifstream{target} >> text;
  CHECK(text == "precious");
}

TEST_CASE("a lock directory behind a link is refused where other users can rename it") {
  namespace fs = std::filesystem;
  const LocalPlace place;
  const fs::path open_to_all = place.directory + "/open";
  fs::create_directories(open_to_all / "ours" / "locks");
  fs::permissions(open_to_all / "ours" / "locks", fs::perms::owner_all);
  const std::string link = place.directory + "/link";
  fs::create_directory_symlink(open_to_all / "ours", link);
  CHECK(local::ready_directory(link + "/locks", local::Unsure::IsRefused).ok());
  fs::permissions(open_to_all, fs::perms::all);
  CHECK_FALSE(
      local::ready_directory((open_to_all / "ours" / "locks").string(), local::Unsure::IsRefused)
          .ok());
  CHECK_FALSE(local::ready_directory(link + "/locks", local::Unsure::IsRefused).ok());
}

TEST_CASE("a lock directory that other users can write to is refused") {
  for (const unsigned mode : {0702U, 0720U, 0707U, 0770U, 0777U}) {
    CAPTURE(mode);
    const LocalPlace place;
    std::filesystem::permissions(place.directory, static_cast<std::filesystem::perms>(mode));
    const auto answer = place.open()->acquire(claim_of(1), soon());
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().exit_code == ExitCode::Configuration);
  }
  for (const unsigned mode : {0700U, 0750U, 0755U}) {
    const LocalPlace place;
    std::filesystem::permissions(place.directory, static_cast<std::filesystem::perms>(mode));
    take(*place.open(), claim_of(1));
  }
}

TEST_CASE("a lock that is acquired during a release is that of the new file") {
  for (const bool shares : {false, true}) {
    CAPTURE(shares);
    const LocalPlace place;
    int granted = 0;
    for (int round = 0; round < 100; ++round) {
      const auto holder = place.open();
      take(*holder, claim_of(1));
      const auto next = place.open();
      const Claim claim = shares ? sharing(claim_of(2)) : claim_of(2);
      Result<AcquireAnswer, StoreFault> answer{Held{}};
      // A refused request opens the file and retries for a few milliseconds.
      std::thread other{[&] {
        for (int i = 0; i < 50 && answer && std::holds_alternative<Held>(*answer); ++i)
          answer = next->acquire(claim, soon());
      }};
      std::this_thread::sleep_for(std::chrono::microseconds{200 * (round % 10)});
      const auto released = holder->release(claim_of(1), {}, soon());
      other.join();
      REQUIRE(released.ok());
      if (!answer || !std::holds_alternative<Grant>(*answer)) continue;
      ++granted;
      const Grant grant = std::get<Grant>(*answer);
      REQUIRE(is<Extended>([&] { return next->renew(claim, grant, soon()); }));
      give_back(*next, claim);
    }
    CHECK(granted > 0);
  }
}
