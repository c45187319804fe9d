#!/usr/bin/env python3
"""
prove.py CAST URL BOOKS WALLETS

What the chain says happened, held against the application's books.  Asks the
node through cast alone; of dalp it reads nothing.

BOOKS    CSV without head: token, holder, units, hash of the mint's transaction
WALLETS  CSV without head: name, address

Prints what it found; exits with 1 and says why at the first thing that is not
as it should be.
"""
import csv
import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

CAST, URL = sys.argv[1:3]
ZERO = '0x' + '0' * 40


def cast(*arguments):
    done = subprocess.run([CAST, *arguments, '--rpc-url', URL], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        wrong('cast %s: %s' % (' '.join(arguments), done.stderr.strip()))
    return done.stdout.strip()


def wrong(what):
    print('    WRONG: ' + what)
    sys.exit(1)


def must(condition, what):
    if not condition:
        wrong(what)


def rows(name):
    with open(name, newline='') as file:
        return list(csv.reader(file))


def main():
    books = rows(sys.argv[3])
    wallets = [(name, address.lower()) for name, address in rows(sys.argv[4])]
    pool = ThreadPoolExecutor(max_workers=4)

    head = int(cast('block-number'))
    print('    reading %d blocks' % (head + 1), flush=True)
    numbers = [hex(number) for number in range(head + 1)]
    blocks = list(pool.map(lambda number: json.loads(cast('rpc', 'eth_getBlockByNumber', number, 'true')), numbers))
    transactions = [transaction for block in blocks for transaction in block['transactions']]
    receipts = pool.map(lambda block: json.loads(cast('rpc', 'eth_getBlockReceipts', block['number'])),
                        [block for block in blocks if block['transactions']])
    status = {receipt['transactionHash']: receipt['status'] for block in receipts for receipt in block}

    # Nonces: each from 0 to the wallet's count exactly once.
    print('    wallet     address                                      in blocks  nonces   cast nonce')
    for name, address in wallets:
        nonces = sorted(int(t['nonce'], 16) for t in transactions if t['from'].lower() == address)
        count = int(cast('nonce', address))
        print('    %-10s %s %9d  0 to %-3d %10d' % (name, address, len(nonces), len(nonces) - 1, count))
        must(nonces == list(range(count)), 'nonces of %s are not dense: %s' % (name, nonces))
    must(len(transactions) == sum(1 for t in transactions if t['from'].lower() in dict(map(reversed, wallets))),
         'there are transactions of others')
    failed = [t['hash'] for t in transactions if status[t['hash']] != '0x1']
    must(not failed, 'reverted on the chain: %s' % ', '.join(failed))
    deployments = sum(1 for t in transactions if t['to'] is None)
    print('    %d transactions in %d blocks, none reverted, %d of them deployments' % (len(transactions), head, deployments))
    must(deployments == len(books), '%d deployments for %d issuances' % (deployments, len(books)))
    must(len(transactions) == 3 * len(books), '3 transactions an issuance were expected')

    # Mints: what the tokens themselves logged as coming from nowhere.
    logs = json.loads(cast('logs', '--from-block', '0', '--json',
                           'Transfer(address indexed from, address indexed to, uint256 value)', ZERO))
    minted = Counter((log['address'].lower(), '0x' + log['topics'][2][-40:], int(log['data'], 16), log['transactionHash'])
                     for log in logs)
    booked = Counter((token.lower(), holder.lower(), int(units), mint) for token, holder, units, mint in books)
    twice = [token for token, count in Counter(log['address'].lower() for log in logs).items() if count != 1]
    must(not twice, 'minted more than once: %s' % ', '.join(twice))
    must(minted == booked, 'mints and books differ: %s' % ((minted - booked) + (booked - minted)))
    supplies = pool.map(lambda row: cast('call', row[0], 'totalSupply()(uint256)').split()[0], books)
    for (token, _, units, _), supply in zip(books, supplies):
        must(supply == units, 'supply of %s is %s, booked are %s' % (token, supply, units))
    print('    %d tokens, each minted exactly once: holder, units, supply and hash as in the books' % len(booked))


main()
