/* Those who wait for one lock on Redis: queue.lua, acquire.lua and the waiter's timers.
 *
 * Checked: nobody passes a waiter that lives and hears (assert); and every waiter that lives gets the
 * lock in the end (`served`, under weak fairness), whoever dies or is stopped at whatever moment.
 * Whether two can have it at once is lock.pml's; here the server decides at once and for good.
 *
 * There are no ticks. What a timer brings about can happen at any time, and does in the end.
 */
#ifndef WAITERS
#define WAITERS 3
#endif

mtype:phase = { away, waiting, holding, done, stopped, dead };
mtype:phase phase[WAITERS] = away;

/* The server. Names of waiters are 1 ... WAITERS; 0 is nobody. */
byte holder;
bool holder_lives;           /* its liveness stands */
byte queue[WAITERS];         /* the first in front */
bool has_place[WAITERS];     /* its place has not expired */
bool hears[WAITERS];         /* its channel is subscribed */
bool called[WAITERS];        /* a call lies in its socket */
hidden byte first, i, j;

#define me (w + 1)

inline leaves_queue(who) {
  i = 0; j = 0;
  do
  :: i < WAITERS && queue[i] != who -> queue[j] = queue[i]; i++; j++
  :: i < WAITERS && queue[i] == who -> i++
  :: i == WAITERS -> break
  od;
  do :: j < WAITERS -> queue[j] = 0; j++ :: j == WAITERS -> break od;
  has_place[who - 1] = false
}
inline joins_queue(who) {
  i = 0;
  do
  :: i < WAITERS && queue[i] != 0 && queue[i] != who -> i++
  :: else -> break
  od;
  queue[i] = who;
  has_place[who - 1] = true
}
inline find_first() {
  do
  :: queue[0] != 0 && !has_place[queue[0] - 1] -> first = queue[0]; leaves_queue(first)
  :: else -> break
  od;
  first = queue[0]
}
/* Says it to the first, unless that is `but`; `first` is who has heard it, or 0. */
inline call_first(but) {
  do
  :: find_first();
     if
     :: first == 0 || first == but -> first = 0; break
     :: first != 0 && first != but && hears[first - 1] -> called[first - 1] = true; break
     :: first != 0 && first != but && !hears[first - 1] -> leaves_queue(first)
     fi
  od
}

inline judge_order(w) {
  i = 0;
  do
  :: i < WAITERS && queue[i] != 0 && queue[i] != me ->
     assert(!(has_place[queue[i] - 1] && hears[queue[i] - 1] && phase[queue[i] - 1] == waiting)); i++
  :: else -> break
  od
}

inline acquire(w) {
  first = 0;
  if
  :: holder != 0 && holder_lives -> first = holder
#ifdef BARGE
  :: !(holder != 0 && holder_lives) -> first = 0
#else
  :: !(holder != 0 && holder_lives) -> call_first(me)
#endif
  fi;
  if
  :: first != 0 -> find_first(); joins_queue(me); phase[w] = waiting
  :: first == 0 ->
     judge_order(w);
     leaves_queue(me);
     holder = me; holder_lives = true; phase[w] = holding; hears[w] = false; called[w] = false
     /* Then the next one is told when it may look; that is its timer. */
  fi
}

active [WAITERS] proctype Waiter() {
  byte w = _pid;
  do
  /* First the bell, then the ticket. */
  :: d_step { phase[w] == away -> hears[w] = true; acquire(w) }
  :: d_step { phase[w] == waiting && called[w] -> called[w] = false; acquire(w) }
#ifndef NO_TIMER
  :: d_step { phase[w] == waiting -> acquire(w) }
#endif
  :: d_step { phase[w] == holding ->
       if
       :: holder == me -> holder = 0; call_first(0)
       :: holder != me -> skip
       fi;
       phase[w] = done }
  :: phase[w] == done || phase[w] == dead -> break
  od
}

/* It dies: its connection is closed. Or it is stopped or cut off: the server does not notice. */
active [WAITERS] proctype Fate() {
  byte w = _pid - WAITERS;
  if
  :: d_step { phase[w] == waiting || phase[w] == holding -> phase[w] = dead; hears[w] = false; called[w] = false }
  :: d_step { phase[w] == waiting || phase[w] == holding -> phase[w] = stopped }
  :: d_step { phase[w] == waiting -> called[w] = false }   /* a call is lost with its connection */
  :: true
  fi
}

/* What nobody renews expires. */
active [WAITERS] proctype Expiry() {
  byte w = _pid - 2 * WAITERS;
  do
#ifndef NO_EXPIRY
  :: d_step { has_place[w] && (phase[w] == stopped || phase[w] == dead) -> has_place[w] = false }
#endif
  :: d_step { holder == me && holder_lives && (phase[w] == stopped || phase[w] == dead) -> holder_lives = false }
  od
}

#define is_served(w) (phase[w] == done || phase[w] == dead || phase[w] == stopped)
ltl served { <> (is_served(0) && is_served(1) && is_served(2)) }
