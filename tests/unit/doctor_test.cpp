// The judgements of dlock doctor, without servers and without checks of this machine.
#include "doctor/doctor.h"

#include "doctor/cluster_checks.h"
#include "doctor/failover.h"
#include "doctor/findings.h"
#include "doctor/local_checks.h"
#include "doctor/machine_checks.h"
#include "doctor/network_checks.h"
#include "doctor/rights.h"
#include "doctor/sentinel_checks.h"
#include "doctor/server_checks.h"
#include "doctor/timing.h"

#include <doctest/doctest.h>

#include <linux/magic.h>

using namespace dlock;
using namespace dlock::doctor;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{1000s};

ServerInfo info(const char* text) { return ServerInfo::parse(text); }

RedisAddress redis_at(const char* url) { return std::get<RedisAddress>(*parse_store_address(url)); }

/// A burst of one request with that round trip, and the server's clock halfway through it.
std::vector<TimeSample> burst(Duration after, Duration round_trip, Duration server_clock) {
  return {{t0 + after, t0 + after + round_trip,
           std::chrono::duration_cast<std::chrono::microseconds>(server_clock)}};
}

}  // namespace

TEST_CASE("INFO is parsed as lines of name and value, and other lines are ignored") {
  const ServerInfo read = info(
      "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:17\r\nempty:\r\nno colon\r\n\r\n"
      "slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\r\n"
      "slave1:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0,lag=0\r\nslave_read_only:1");
  CHECK(read.text("redis_version") == "7.0.15");
  CHECK_FALSE(read.number("redis_version"));  // a number is the whole of its field
  CHECK(read.number("uptime_in_seconds") == 17);
  CHECK(read.has("empty"));
  CHECK_FALSE(read.number("empty"));
  CHECK_FALSE(read.number("absent"));
  CHECK(read.replicas_in_sync() == 1);
  CHECK(info("").empty());
}

TEST_CASE(
    "Redis 5 is the oldest version, Valkey is supported, and the URL must match the deployment") {
  struct {
    const char* info;
    Deployment deployment;
    Verdict want;
  } cases[] = {
      {"redis_version:4.0.14\nredis_mode:standalone", Deployment::Standalone, Verdict::Broken},
      {"redis_version:5.0.0\nredis_mode:standalone", Deployment::Standalone, Verdict::Good},
      {"redis_version:7.2.4\nvalkey_version:8.0.1\nserver_mode:standalone", Deployment::Sentinel,
       Verdict::Good},
      {"redis_version:7.0.0\nredis_mode:cluster", Deployment::Cluster, Verdict::Good},
      {"redis_version:7.0.0\nredis_mode:cluster", Deployment::Standalone, Verdict::Broken},
      {"redis_version:7.0.0\nredis_mode:standalone", Deployment::Cluster, Verdict::Broken},
      {"redis_version:7.0.0\nredis_mode:sentinel", Deployment::Standalone, Verdict::Broken},
      {"something:else", Deployment::Standalone, Verdict::Note}};
  for (const auto& [text, deployment, want] : cases) {
    CAPTURE(text);
    CHECK(judge_server(info(text), deployment).verdict == want);
  }
}

TEST_CASE("only the policy noeviction keeps locks when memory is short") {
  struct {
    const char* info;
    Verdict want;
  } cases[] = {{"maxmemory_policy:noeviction\nmaxmemory:1000000", Verdict::Good},
               {"maxmemory_policy:noeviction\nmaxmemory:0", Verdict::Good},
               {"maxmemory_policy:volatile-ttl\nmaxmemory:1000000", Verdict::Broken},
               {"maxmemory_policy:allkeys-lru\nmaxmemory:0", Verdict::Weak},
               {"used_memory:5", Verdict::Note}};
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(judge_eviction(info(text)).verdict == want);
  }
  CHECK(judge_memory(info("maxmemory:1000\nused_memory:899")).verdict == Verdict::Good);
  CHECK(judge_memory(info("maxmemory:1000\nused_memory:901")).verdict == Verdict::Weak);
  CHECK(judge_memory(info("maxmemory:0\nused_memory:901")).verdict == Verdict::Good);
}

TEST_CASE("every number that a server can report is judged without overflow") {
  const std::string most = std::to_string(std::numeric_limits<long long>::max());
  const ServerInfo full =
      ServerInfo::parse("maxmemory_policy:noeviction\nmaxmemory:" + most + "\nused_memory:" + most);
  CHECK(judge_eviction(full).fact.ends_with("maxmemory 8796093022208 MB"));
  CHECK(judge_memory(full).verdict == Verdict::Weak);
  const ServerInfo old = ServerInfo::parse("uptime_in_seconds:" + most);
  CHECK(judge_uptime(old, 10s, false).fact == "up for 36525d");
  const std::vector<SentinelView> sentinels{
      {.sentinel = "a",
       .fields = {{"num-other-sentinels", most},
                  {"quorum", "2"},
                  {"down-after-milliseconds", "1000000000000000"}}}};
  CHECK(judge_quorum(sentinels).verdict == Verdict::Note);
  CHECK(down_after(sentinels) == Duration{36525 * 24h});
  CHECK(ttl_to_survive(sentinel_failover(36525 * 24h)) > 36525 * 24h);
}

TEST_CASE("data that a restart would lose is a note, and a weakness with --trust-restart") {
  const ServerInfo on_disk = info("aof_enabled:1\naof_last_write_status:ok");
  const ServerInfo in_memory = info("aof_enabled:0\nrdb_last_bgsave_status:ok");
  const ServerSettings always{.append_fsync = "always", .seen = true};
  const ServerSettings everysec{.append_fsync = "everysec", .seen = true};
  CHECK(judge_persistence(on_disk, always, true).verdict == Verdict::Good);
  CHECK(judge_persistence(on_disk, everysec, false).verdict == Verdict::Good);
  CHECK(judge_persistence(on_disk, everysec, true).verdict == Verdict::Weak);
  CHECK(judge_persistence(on_disk, {}, true).verdict == Verdict::Weak);
  CHECK(judge_persistence(in_memory, always, false).verdict == Verdict::Note);
  CHECK(judge_persistence(in_memory, always, true).verdict == Verdict::Weak);
  CHECK(judge_persistence(in_memory, always, false).fact == "none");
  CHECK(judge_persistence(in_memory, {}, false).fact == "snapshots at most");
  CHECK(judge_persistence(info("aof_enabled:0\nrdb_last_bgsave_status:err"), {}, false).verdict ==
        Verdict::Weak);
}

TEST_CASE("a missing --min-replicas is reported where a failover can happen") {
  const ServerInfo none = info("role:master\nconnected_slaves:0");
  const ServerInfo two =
      info("role:master\nconnected_slaves:2\nslave0:state=online\nslave1:state=online");
  CHECK(judge_replicas(none, 0, Deployment::Standalone).verdict == Verdict::Good);
  CHECK(judge_replicas(none, 0, Deployment::Sentinel).verdict == Verdict::Weak);
  CHECK(judge_replicas(none, 1, Deployment::Standalone).verdict == Verdict::Broken);
  CHECK(judge_replicas(two, 0, Deployment::Standalone).verdict == Verdict::Note);
  CHECK(judge_replicas(two, 0, Deployment::Cluster).verdict == Verdict::Weak);
  CHECK(judge_replicas(two, 1, Deployment::Sentinel).verdict == Verdict::Good);
  CHECK(judge_replicas(two, 2, Deployment::Sentinel).verdict == Verdict::Note);
  CHECK(judge_replicas(two, 3, Deployment::Sentinel).verdict == Verdict::Broken);
}

TEST_CASE("a server grants no lock before it has been up for the TTL and one second") {
  CHECK(judge_uptime(info("uptime_in_seconds:10"), 10s, false).verdict == Verdict::Note);
  CHECK(judge_uptime(info("uptime_in_seconds:10"), 10s, true).verdict == Verdict::Good);
  CHECK(judge_uptime(info("uptime_in_seconds:11"), 10s, false).verdict == Verdict::Good);
}

TEST_CASE("a request may take a tenth of the TTL") {
  const auto judged = [](Duration round_trip, int failed) {
    return judge_latency({burst(0s, 1ms, 0s), burst(1s, round_trip, 1s), failed}, 1s).verdict;
  };
  CHECK(judged(2ms, 0) == Verdict::Good);
  CHECK(judged(499ms, 0) == Verdict::Good);
  CHECK(judged(500ms, 0) == Verdict::Note);
  CHECK(judged(1s, 0) == Verdict::Weak);
  CHECK(judged(2ms, 1) == Verdict::Weak);
  CHECK(judge_latency({}, 1s).verdict == Verdict::Weak);
}

TEST_CASE("a clock rate is measured to within half of both round trips, and 1 % is allowed") {
  const auto judged = [](Duration round_trip, Duration server_second) {
    const Timing timing{burst(0s, round_trip, 1h), burst(1s, round_trip, 1h + server_second)};
    return judge_clock_rate(rate_difference(timing)).verdict;
  };
  CHECK(judged(1ms, 1s) == Verdict::Good);
  CHECK(judged(1ms, 1008ms) == Verdict::Good);
  CHECK(judged(1ms, 1012ms) == Verdict::Broken);
  CHECK(judged(1ms, 988ms) == Verdict::Weak);  // on the safe side
  CHECK(judged(5ms, 1008ms) == Verdict::Note);
  CHECK(judged(20ms, 1s) == Verdict::Note);
  CHECK(judged(20ms, 1040ms) == Verdict::Broken);
  CHECK(judged(1ms, 876'000h) == Verdict::Broken);  // the clock was set between the two requests
  CHECK(time_of_day("1769824800", "123456") == 1769824800s + 123456us);
  CHECK(time_of_day("9223372036854775807", "-5") == 0us);
  CHECK(judge_clock_rate(rate_difference({})).verdict == Verdict::Note);
  const auto exact = rate_difference({burst(0s, 1ms, 5s), burst(1s, 1ms, 6s)});
  REQUIRE(exact);
  CHECK(exact->millionths == 0);
  CHECK(exact->uncertainty >= 1001);
}

TEST_CASE("a job survives a failover if its TTL has room for 1.3 times the failover time") {
  CHECK(ttl_to_survive(sentinel_failover(30s)) == 46s);
  CHECK(ttl_to_survive(sentinel_failover(5s)) == 13s);
  CHECK(ttl_to_survive(cluster_failover(15s)) == 23s);
  CHECK(judge_failover_time(sentinel_failover(5s), 13s).verdict == Verdict::Good);
  const Finding weak = judge_failover_time(sentinel_failover(30s), 10s);
  CHECK(weak.verdict == Verdict::Weak);
  CHECK(weak.remedy.starts_with("give --ttl 46s or more"));
}

TEST_CASE("a deployment needs three Sentinels that are reachable and agree") {
  const Endpoint here{.host = "10.0.0.1"};
  const Endpoint there{.host = "10.0.0.2"};
  const auto sentinel = [](const char* name, const Endpoint& master, const char* others) {
    return SentinelView{.sentinel = name,
                        .master = master,
                        .fields = {{"num-other-sentinels", others},
                                   {"quorum", "2"},
                                   {"flags", "master"},
                                   {"down-after-milliseconds", "30000"}}};
  };
  const SentinelView dead{.sentinel = "c", .fault = "c cannot be reached"};
  const std::vector<SentinelView> healthy{sentinel("a", here, "2"), sentinel("b", here, "2")};
  CHECK(judge_agreement(healthy).verdict == Verdict::Good);
  CHECK(judge_quorum(healthy).verdict == Verdict::Good);
  CHECK(down_after(healthy) == Duration{30s});
  CHECK(judge_agreement({sentinel("a", here, "2"), sentinel("b", there, "2")}).verdict ==
        Verdict::Weak);
  CHECK(judge_agreement(
            {sentinel("a", here, "2"), sentinel("b", there, "2"), sentinel("c", there, "2")})
            .verdict == Verdict::Weak);
  CHECK(judge_agreement({sentinel("a", here, "2"), dead}).verdict == Verdict::Weak);
  CHECK(judge_agreement({dead}).verdict == Verdict::Broken);
  CHECK(judge_agreement({sentinel("a", here, "2")}).verdict == Verdict::Note);
  CHECK(judge_quorum({sentinel("a", here, "1")}).verdict == Verdict::Weak);
  SentinelView never_agrees = sentinel("a", here, "2");
  never_agrees.fields["quorum"] = "4";
  CHECK(judge_quorum({never_agrees}).verdict == Verdict::Weak);
  CHECK(judge_quorum({dead}).verdict == Verdict::Note);
}

TEST_CASE("the nodes of a Cluster that hold locks are its masters with slots") {
  const Endpoint asked{.host = "10.0.0.9"};
  const auto nodes = parse_cluster_nodes(
      "id1 10.0.0.1:7000@17000,name myself,master - 0 0 1 connected 0-5460\n"
      "id2 :7001@17001 master,nofailover - 0 0 2 connected 5461-10922\n"
      "id3 ::1:7002@17002 master,fail - 0 0 3 disconnected 10923-16383\n"
      "id4 10.0.0.4:7003@17003 slave id1 0 0 1 connected\n"
      "id5 10.0.0.5:7004@17004 master - 0 0 0 connected\n"
      "id6 10.0.0.6:99999@1 master - 0 0 0 connected 1\n"
      "garbage\n",
      asked);
  REQUIRE(nodes.size() == 6);
  CHECK(nodes[0].endpoint == Endpoint{"10.0.0.1", 7000, ""});
  CHECK(nodes[1].endpoint == Endpoint{"10.0.0.9", 7001, ""});
  CHECK(nodes[2].endpoint == Endpoint{"::1", 7002, ""});
  CHECK(nodes[0].keeps_locks());
  CHECK(nodes[1].keeps_locks());
  CHECK_FALSE(nodes[2].keeps_locks());
  CHECK_FALSE(nodes[3].keeps_locks());
  CHECK_FALSE(nodes[4].keeps_locks());
  CHECK_FALSE(nodes[5].keeps_locks());  // no server can listen on this port
}

TEST_CASE("each missing right is named in the syntax of an ACL") {
  CHECK(judge_rights({{"get", ""}, {"set", "OOM command not allowed"}}, "p:").verdict ==
        Verdict::Good);
  const Finding command = judge_rights(
      {{"pttl", "NOPERM this user has no permissions to run the 'pttl' command"}, {"get", ""}},
      "p:");
  CHECK(command.verdict == Verdict::Broken);
  CHECK(command.fact == "this user lacks +pttl");
  const Finding key = judge_rights({{"get", "NOPERM No permissions to access a key"}}, "p:");
  CHECK(key.fact == "this user lacks ~p:*");
  const Finding some = judge_rights(
      {{"get", ""},
       {"zadd", "NOPERM this user has no permissions to run the 'zadd' command",
        TriedCommand::Need::ToWaitOrShare},
       {"publish", "NOPERM No permissions to access a channel", TriedCommand::Need::ToWaitOrShare}},
      "p:");
  CHECK(some.verdict == Verdict::Weak);
  CHECK(some.fact == "this user lacks +zadd &p:wake:*");
  const Finding proxy =
      judge_rights({{"get", ""}, {"time", "", TriedCommand::Need::Always, true}}, "p:");
  CHECK(proxy.verdict == Verdict::Note);
  CHECK(proxy.fact.ends_with("in scripts only: time"));
  CHECK(judge_rights({{"hset",
                       "ERR ACL failure in script: User x has no permissions to run the "
                       "'hset' command",
                       TriedCommand::Need::Always, true}},
                     "p:")
            .fact == "this user lacks +hset");
  CHECK(judge_rights({{"eval", "ERR unknown command 'EVAL'"}}, "p:").fact ==
        "the server does not know eval");
}

TEST_CASE("an unencrypted connection is a weakness unless it stays on this machine") {
  CHECK(judge_encryption(redis_at("redis://127.0.0.1"), {}).verdict == Verdict::Good);
  CHECK(judge_encryption(redis_at("unix:///run/redis.sock"), {}).verdict == Verdict::Good);
  CHECK(judge_encryption(redis_at("redis://db1"), {}).verdict == Verdict::Note);
  CHECK(judge_encryption(redis_at("rediss://db1"), {}).verdict == Verdict::Good);
  CHECK(judge_encryption(redis_at("rediss://db1"), {.insecure = true}).verdict == Verdict::Weak);
  CHECK(judge_login(redis_at("redis://db1"), {}).verdict == Verdict::Note);
  for (const auto& [url, fact] :
       {std::pair{"redis+sentinel://s1/m?tls=master", "TLS to the master, none to the Sentinels"},
        {"redis+sentinel://s1/m?tls=sentinels", "TLS to the Sentinels, none to the master"}}) {
    CHECK(judge_encryption(redis_at(url), {}).fact == fact);
    CHECK(judge_encryption(redis_at(url), {}).verdict == Verdict::Note);
  }
  CHECK(judge_encryption(redis_at("rediss+sentinel://s1/m"), {}).verdict == Verdict::Good);
  CHECK(judge_login(redis_at("redis://:pw@db1"), {}).verdict == Verdict::Good);
  CHECK(judge_login(redis_at("redis://localhost"), {}).verdict == Verdict::Good);
}

TEST_CASE("a lock directory must be on a local file system, and kvm-clock hides pauses") {
  const auto verdict = [](unsigned long magic, bool trusted, const char* type = "") {
    return judge_file_system("/d", local::unsure_file_system(magic, type), trusted).verdict;
  };
  constexpr unsigned long smb2 = 0xFE534D42, fuse = 0x65735546;
  for (const bool trusted : {false, true}) {
    CHECK(verdict(EXT4_SUPER_MAGIC, trusted) == Verdict::Good);
    CHECK(verdict(TMPFS_MAGIC, trusted) == Verdict::Good);
    CHECK(verdict(OVERLAYFS_SUPER_MAGIC, trusted) == Verdict::Good);
    CHECK(verdict(NFS_SUPER_MAGIC, trusted) == Verdict::Broken);
    CHECK(verdict(smb2, trusted) == Verdict::Broken);
    CHECK(verdict(fuse, trusted, "fuse.fuse-overlayfs") == Verdict::Good);
    CHECK(verdict(fuse, trusted, "fuseblk") == Verdict::Good);
  }
  CHECK(verdict(fuse, true, "fuse.sshfs") == Verdict::Weak);
  CHECK(verdict(fuse, false, "fuse.sshfs") == Verdict::Broken);
  CHECK(local::unsure_file_system(fuse, "fuse.sshfs")->name == "sshfs");
  CHECK(local::unsure_file_system(fuse, "")->name == "FUSE");
  CHECK(judge_clock_source("tsc").verdict == Verdict::Good);
  CHECK(judge_clock_source("kvm-clock").verdict == Verdict::Weak);
  CHECK(judge_clock_source("").verdict == Verdict::Note);
}

TEST_CASE("a finding that several servers share is reported once") {
  const Finding good{.check = "role", .fact = "it is a master"};
  const Finding bad{.check = "role", .verdict = Verdict::Broken, .fact = "it is a replica"};
  const Finding other{.check = "memory", .fact = "1 MB used"};
  const Findings all = merged({{"a", {good, other}}, {"b", {bad, other}}, {"c", {good, other}}});
  REQUIRE(all.size() == 3);
  CHECK(all[0].fact == "a, c: it is a master");
  CHECK(all[1].fact == "b: it is a replica");
  CHECK(all[2].fact == "all 3 servers: 1 MB used");
  CHECK(merged({{"a", {good}}}).front().fact == "it is a master");
}

TEST_CASE("each finding begins with its verdict and fits into 100 columns") {
  const Diagnosis report{"redis://h",
                         {{.check = "role", .fact = "it is a master"},
                          {.check = "eviction",
                           .verdict = Verdict::Broken,
                           .fact = "x\x1b[31m",
                           .meaning = std::string(60, 'a') + " " + std::string(60, 'b'),
                           .remedy = "mend it"},
                          {.check = "user", .fact = "root", .area = Area::Machine}}};
  CHECK(to_lines(report) ==
        "store redis://h\n"
        "  ok      role      it is a master\n"
        "  BROKEN  eviction  x?[31m\n"
        "            means: " +
            std::string(60, 'a') +
            "\n"
            "                   " +
            std::string(60, 'b') +
            "\n"
            "            fix:   mend it\n"
            "\n"
            "this machine\n"
            "  ok      user      root\n"
            "\n"
            "2 ok, 1 BROKEN: dlock cannot keep its promise here\n");
  CHECK_FALSE(report.ok());
  CHECK(to_json({"local", {{.check = "user", .fact = "root", .area = Area::Machine}}}) ==
        R"({"ok":true,"store":"local","findings":[{"area":"machine","check":"user",)"
        R"("verdict":"ok","fact":"root","meaning":"","remedy":""}]})"
        "\n");
}

TEST_CASE("a name lookup is judged against the time limit of a renewal") {
  const auto judged = [](NameView view) { return judge_name(view, 1s).verdict; };
  CHECK(judged({.host = "h", .addresses = 2, .took = 3ms}) == Verdict::Good);
  CHECK(judged({.host = "h", .addresses = 2, .took = 300ms}) == Verdict::Note);
  CHECK(judged({.host = "h", .addresses = 2, .took = 1s}) == Verdict::Weak);
  CHECK(judged({.host = "h", .addresses = 1, .took = 3ms, .only_half = true}) == Verdict::Note);
  CHECK(judged({.host = "h", .addresses = 1, .took = 3ms, .timeouts = 1}) == Verdict::Note);
  CHECK(judged({.host = "h", .why = "the name does not exist"}) == Verdict::Weak);
}
