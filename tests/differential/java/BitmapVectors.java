import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Random;
import org.apache.fluss.server.utils.RoaringBitmapUtils;
import org.apache.fluss.shaded.org.roaringbitmap.RoaringBitmap;
import org.apache.fluss.shaded.org.roaringbitmap.longlong.Roaring64Bitmap;

/**
 * Prints random bitmaps in pairs and the union that Fluss's server makes of them: "32 LEFT RIGHT UNION" or "64 …", in
 * hexadecimal. Arguments: pairs of each kind, the most bytes of a pair, seed. Talks to no server; needs its jar alone.
 */
public class BitmapVectors {
    private static Random random;

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte value : bytes) {
            text.append(String.format("%02x", value & 0xff));
        }
        return text.toString();
    }

    private static byte[] bytesOf(RoaringBitmap bitmap) {
        ByteBuffer buffer = ByteBuffer.allocate(bitmap.serializedSizeInBytes());
        bitmap.serialize(buffer);
        return buffer.array();
    }

    private static byte[] bytesOf(Roaring64Bitmap bitmap) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        bitmap.serialize(new DataOutputStream(out));
        return out.toByteArray();
    }

    private static RoaringBitmap random32() {
        RoaringBitmap bitmap = new RoaringBitmap();
        for (int keys = random.nextInt(6); keys > 0; keys--) {
            long base = (long) random.nextInt(8) << 16;
            long start = base + random.nextInt(60_000);
            switch (random.nextInt(5)) {
                case 0: // a few
                    for (int i = random.nextInt(8); i >= 0; i--) {
                        bitmap.add((int) base + random.nextInt(20));
                    }
                    break;
                case 1: // a run
                    bitmap.add(start, start + 1 + random.nextInt(5000));
                    break;
                case 2: // some, or many
                    for (int i = random.nextInt(6000); i >= 0; i--) {
                        bitmap.add((int) base + random.nextInt(65_536));
                    }
                    break;
                case 3: // nearly all, or all
                    bitmap.add(base, base + 65_536 - random.nextInt(3));
                    break;
                default: // many short runs
                    for (int i = random.nextInt(3000); i >= 0; i--) {
                        long at = base + random.nextInt(65_000);
                        bitmap.add(at, at + 1 + random.nextInt(4));
                    }
            }
        }
        if (random.nextBoolean()) {
            bitmap.runOptimize();
        }
        return bitmap;
    }

    private static long randomKey() {
        switch (random.nextInt(4)) {
            case 0:
                return (long) random.nextInt(256) << 16;
            case 1:
                return (long) random.nextInt(4) << 40 | (long) random.nextInt(300) << 16;
            case 2:
                return (long) random.nextInt() << 32;
            default:
                return (long) random.nextInt(300) << (16 + 8 * random.nextInt(5));
        }
    }

    private static Roaring64Bitmap random64() {
        Roaring64Bitmap bitmap = new Roaring64Bitmap();
        boolean wide = random.nextInt(5) == 0; // so that all kinds of nodes come up
        for (int keys = random.nextInt(wide ? 400 : 12); keys > 0; keys--) {
            long base = randomKey();
            long start = base + random.nextInt(60_000);
            switch (wide ? 0 : random.nextInt(4)) {
                case 0:
                    bitmap.addLong(base + random.nextInt(3));
                    break;
                case 1:
                    for (int i = random.nextInt(8); i >= 0; i--) {
                        bitmap.addLong(base + random.nextInt(20));
                    }
                    break;
                case 2:
                    bitmap.addRange(start, start + 1 + random.nextInt(5000));
                    break;
                default:
                    for (int i = random.nextInt(6000); i >= 0; i--) {
                        bitmap.addLong(base + random.nextInt(65_536));
                    }
            }
        }
        if (random.nextBoolean()) {
            bitmap.runOptimize();
        }
        return bitmap;
    }

    public static void main(String[] args) throws IOException {
        int bytesMax = Integer.parseInt(args[1]);
        random = new Random(Long.parseLong(args[2]));
        for (int pairs = Integer.parseInt(args[0]); pairs > 0; pairs--) {
            byte[] left32 = bytesOf(random32());
            byte[] right32 = bytesOf(random32());
            RoaringBitmap union32 = new RoaringBitmap();
            RoaringBitmap other32 = new RoaringBitmap();
            RoaringBitmapUtils.deserializeRoaringBitmap32(union32, left32);
            RoaringBitmapUtils.deserializeRoaringBitmap32(other32, right32);
            union32.or(other32);
            if (left32.length + right32.length <= bytesMax) {
                System.out.println("32 " + hex(left32) + " " + hex(right32) + " "
                        + hex(RoaringBitmapUtils.serializeRoaringBitmap32(union32)));
            }
            byte[] left64 = bytesOf(random64());
            byte[] right64 = bytesOf(random64());
            Roaring64Bitmap union64 = new Roaring64Bitmap();
            Roaring64Bitmap other64 = new Roaring64Bitmap();
            RoaringBitmapUtils.deserializeRoaringBitmap64(union64, left64);
            RoaringBitmapUtils.deserializeRoaringBitmap64(other64, right64);
            union64.or(other64);
            if (left64.length + right64.length <= bytesMax) {
                System.out.println("64 " + hex(left64) + " " + hex(right64) + " "
                        + hex(RoaringBitmapUtils.serializeRoaringBitmap64(union64)));
            }
        }
    }
}
