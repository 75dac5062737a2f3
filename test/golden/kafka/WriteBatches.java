// Writes the record batches of this folder with Kafka's own Java client, so that our reader is held against another
// implementation: java -cp 'LIBS/*' test/golden/kafka/WriteBatches.java FOLDER   (kafka-clients 4.4.0 and what it needs).

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;

public class WriteBatches {
  static final long ARRIVAL_MS = 1795341600123L;
  static final long BASE_OFFSET = 1_000_000_000_000L;
  static final int RECORDS = 400;
  static Path folder;

  public static void main(String[] args) throws Exception {
    folder = Paths.get(args[0]);
    for (String codec : new String[] {"none", "gzip", "snappy", "lz4", "zstd"}) {
      MemoryRecordsBuilder batch = builder((byte) 2, Compression.of(codec).build(), BASE_OFFSET, -1, false);
      for (int i = 0; i < RECORDS; i++) {
        Header[] headers = i % 3 == 0 ? new Header[] {new RecordHeader("trace", bytes("x".repeat(i)))} : new Header[0];
        byte[] key = i % 5 == 0 ? null : bytes("id-" + i);
        batch.append(ARRIVAL_MS - 1000L * i, key, value(i), headers);
      }
      write(codec, batch.build());
    }
    write("compacted", compacted());
    write("format-1", format1());
    write("transactions",
        transactional(100, 7, "a", "b"), plain(102, "c"), transactional(103, 8, "d"), transactional(104, 7, "e"),
        marker(105, 7, ControlRecordType.ABORT), transactional(106, 7, "f"), marker(107, 8, ControlRecordType.COMMIT),
        marker(108, 7, ControlRecordType.COMMIT), plain(109, "g"));
  }

  /** Null, empty, with line feeds, or one line of JSON whose length differs from record to record. */
  static byte[] value(int i) {
    if (i % 50 == 7) return null;
    if (i % 50 == 8) return new byte[0];
    if (i % 50 == 9) return bytes("{\n\"event_id\":\"" + i + "\"\n}");
    return bytes("{\"event_id\":\"é-" + i + "\",\"square\":" + (long) i * i + ",\"pad\":\"" + "ä".repeat(i) + "\"}");
  }

  /** Records 0, 2 and 5 of ten are left, and the batch still ends at 9. */
  static MemoryRecords compacted() {
    MemoryRecordsBuilder batch = builder((byte) 2, Compression.NONE, 50, -1, false);
    for (long at : new long[] {50, 52, 55}) batch.appendWithOffset(at, ARRIVAL_MS, bytes("k"), bytes("{\"at\":" + at + "}"));
    batch.overrideLastOffset(59);
    return batch.build();
  }

  static MemoryRecords format1() {
    MemoryRecordsBuilder batch = builder((byte) 1, Compression.NONE, 0, -1, false);
    batch.append(ARRIVAL_MS, bytes("k"), bytes("{}"));
    return batch.build();
  }

  static MemoryRecords plain(long offset, String... values) {
    return filled(builder((byte) 2, Compression.NONE, offset, -1, false), values);
  }

  static MemoryRecords transactional(long offset, long producer, String... values) {
    return filled(builder((byte) 2, Compression.NONE, offset, producer, true), values);
  }

  static MemoryRecords marker(long offset, long producer, ControlRecordType type) {
    return MemoryRecords.withEndTransactionMarker(
        offset, ARRIVAL_MS, 0, producer, (short) 0, new EndTransactionMarker(type, 0));
  }

  static MemoryRecords filled(MemoryRecordsBuilder batch, String... values) {
    for (String value : values) batch.append(ARRIVAL_MS, bytes("k"), bytes("\"" + value + "\""));
    return batch.build();
  }

  static MemoryRecordsBuilder builder(byte magic, Compression codec, long offset, long producer, boolean isTransactional) {
    return MemoryRecords.builder(ByteBuffer.allocate(1 << 20), magic, codec, TimestampType.LOG_APPEND_TIME, offset,
        ARRIVAL_MS, producer, (short) 0, producer == -1 ? -1 : (int) (offset - 100), isTransactional, 0);
  }

  static void write(String name, MemoryRecords... all) throws Exception {
    int size = 0;
    for (MemoryRecords one : all) size += one.sizeInBytes();
    ByteBuffer bytes = ByteBuffer.allocate(size);
    for (MemoryRecords one : all) bytes.put(one.buffer().duplicate());
    Files.write(folder.resolve(name + ".batches"), bytes.array());
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
