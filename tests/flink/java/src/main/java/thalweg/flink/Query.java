package thalweg.flink;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** A running SELECT whose rows are taken off as they come. Safe for one taker beside the thread that collects. */
final class Query implements AutoCloseable {
    private final CloseableIterator<Row> rows;
    private final List<String> collected = new ArrayList<>();
    private Throwable failure;
    private boolean ended;
    private boolean closed;

    Query(String name, TableResult result) {
        rows = result.collect();
        Thread thread = new Thread(this::collect, "rows of " + name);
        thread.setDaemon(true);
        thread.start();
    }

    /** The next rows, as soon as there are {@code count} of them or the query has ended; what there is after the wait otherwise. */
    synchronized List<String> take(int count, long wait_ms) throws Exception {
        long deadline = System.nanoTime() + wait_ms * 1_000_000;
        while (collected.size() < count && !ended && failure == null) {
            long left_ms = (deadline - System.nanoTime()) / 1_000_000;
            if (left_ms <= 0) {
                break;
            }
            wait(left_ms);
        }
        if (failure != null) {
            throw new RuntimeException("the query failed", failure);
        }
        List<String> head = collected.subList(0, Math.min(count, collected.size()));
        List<String> taken = new ArrayList<>(head);
        head.clear();
        return taken;
    }

    private void collect() {
        Throwable raised = null;
        try {
            while (rows.hasNext()) {
                String row = rows.next().toString();
                synchronized (this) {
                    collected.add(row);
                    notifyAll();
                }
            }
        } catch (Throwable failed) {
            raised = failed;
        }
        synchronized (this) {
            failure = closed ? null : raised;
            ended = true;
            notifyAll();
        }
    }

    @Override
    public void close() throws Exception {
        synchronized (this) {
            closed = true;
        }
        rows.close();
    }
}
